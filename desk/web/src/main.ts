import { createApp } from 'vue'

import App from './App.vue'
import { listen } from './keys'
import { router } from './router'
import './element'
import './style.css'

listen()
createApp(App).use(router).mount('#app')
