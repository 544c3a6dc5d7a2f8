// Short messages: spoken ones for screen readers, and notes that something worked or did not. Notes stand at the
// bottom, above the bar of buttons: at the top they would lie on the menu and the search box.
import { ElMessage } from 'element-plus'
import { ref } from 'vue'

import { Problem } from './api'

/** Rendered in an aria-live region by App.vue. */
export const spoken = ref('')

export function announce(text: string): void {
  // The same text twice must be read twice.
  spoken.value = spoken.value === text ? `${text}\u00a0` : text
}

const PLACE = { placement: 'bottom', offset: 64, grouping: true } as const

export function done(text: string): void {
  ElMessage({ type: 'success', message: text, duration: 2500, ...PLACE })
}

export function told(text: string): void {
  ElMessage({ type: 'info', message: text, duration: 4000, ...PLACE })
}

export function failed(error: unknown): void {
  const message = error instanceof Problem ? `${error.message}${error.remedy ? ` ${error.remedy}` : ''}` : '页面出错了，请刷新后再试。'
  if (!(error instanceof Problem)) console.error(error)
  ElMessage({ type: 'error', message, duration: 8000, showClose: true, ...PLACE })
}
