import { fileURLToPath } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// DESK_API: where the API listens while developing; the mock server is at http://127.0.0.1:12399.
const api = process.env.DESK_API ?? 'http://127.0.0.1:12345'

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { host: '127.0.0.1', proxy: { '/api': api } },
  preview: { host: '127.0.0.1', proxy: { '/api': api } },
  // The page's Content-Security-Policy forbids data: scripts and fonts, so nothing is inlined.
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
})
