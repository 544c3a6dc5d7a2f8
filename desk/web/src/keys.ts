// One keyboard listener. Pages register the keys they understand; `?` shows the map of what is live.
import { onScopeDispose, shallowReactive } from 'vue'

export interface Key {
  /** "j", "?", "Enter", "ArrowLeft", or two in a row: "g r". */
  key: string
  /** What it does, in Chinese, for the key map. */
  text: string
  run: (event: KeyboardEvent) => void
  /** Also works while typing in a field (only sensible for Escape and the like). */
  typing?: boolean
  /** Keeps the key out of the map. */
  hidden?: boolean
}

interface Group {
  name: string
  keys: Key[]
}

/** What is registered, oldest first; the newest wins when two want the same key. */
export const groups = shallowReactive<Group[]>([])

let first = ''
let firstAt = 0

/** Registers keys until the component unmounts. `name` heads them in the key map. */
export function useKeys(name: string, keys: Key[]): void {
  const group = { name, keys }
  groups.push(group)
  onScopeDispose(() => {
    const at = groups.indexOf(group)
    if (at >= 0) groups.splice(at, 1)
  })
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable) return true
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'range', 'file'].includes(target.type)
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
}

/** Enter that ends a word of a Chinese input method must not also send the form (229: Safari). */
export const composing = (event: KeyboardEvent | Event): boolean => event instanceof KeyboardEvent && (event.isComposing || event.keyCode === 229)

/** Enter and Space belong to the focused button or link, not to the page. */
function isPressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('button, a, [role="button"], [role="option"], [role="tab"]') !== null
}

/** A menu that is open has the keyboard to itself. */
function menuIsOpen(): boolean {
  return [...document.querySelectorAll<HTMLElement>('.el-dropdown__popper')].some((menu) => menu.style.display !== 'none' && menu.getAttribute('aria-hidden') !== 'true')
}

/** Escape closes a list or a calendar by itself; that its field is left too makes the single keys work again. */
function leaveField(event: KeyboardEvent): void {
  const field = event.target instanceof HTMLElement && event.target.closest('.el-select, .el-date-editor, .el-autocomplete') ? event.target : null
  if (event.key !== 'Escape' || !field || composing(event)) return
  setTimeout(() => {
    if (document.activeElement !== field) return
    field.blur()
    // A ticket's row stays the one that `e` and `u` mean; a dialog must keep the keyboard inside.
    field.closest<HTMLElement>('[data-field], .el-dialog')?.focus({ preventScroll: true })
  })
}

/** Arrows move within these, so the page must not take them. */
function takesArrows(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, [role="tablist"], [role="slider"], [role="listbox"], [role="menu"], [role="radiogroup"]') !== null
}

function dialogIsOpen(): boolean {
  return [...document.querySelectorAll<HTMLElement>('.el-overlay')].some((overlay) => overlay.style.display !== 'none')
}

function find(name: string, typing: boolean): Key | undefined {
  for (let at = groups.length - 1; at >= 0; at -= 1) {
    const key = groups[at]?.keys.find((candidate) => candidate.key === name && (!typing || candidate.typing))
    if (key) return key
  }
  return undefined
}

export function listen(): void {
  window.addEventListener('keydown', leaveField, true)
  window.addEventListener('keydown', (event) => {
    // Ctrl, Alt and Meta are the browser's; composing is the input method's.
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || composing(event)) return
    // Browsers open a plain list with Space only.
    if (event.key === 'Enter' && event.target instanceof HTMLSelectElement) return void event.target.showPicker?.()
    if (dialogIsOpen() || menuIsOpen()) return
    const typing = isTyping(event.target)
    if ((event.key === 'Enter' || event.key === ' ') && isPressable(event.target)) return
    if (event.key.startsWith('Arrow') && takesArrows(event.target)) return
    const now = performance.now()
    const second = first && now - firstAt < 1500 ? find(`${first} ${event.key}`, typing) : undefined
    first = ''
    const key = second ?? find(event.key, typing)
    if (key) {
      event.preventDefault()
      key.run(event)
    } else if (!typing && groups.some((group) => group.keys.some((one) => one.key.startsWith(`${event.key} `)))) {
      first = event.key
      firstAt = now
    }
  })
}
