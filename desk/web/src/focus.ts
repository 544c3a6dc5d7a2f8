/** Brings the current entry of a menu that is wider than the screen into view. */
export const showCurrent = (menu: HTMLElement | null | undefined): void => menu?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })

/**
 * For `@open-auto-focus` of a dialog: puts the keyboard on what is asked first, not on the closing cross. Marked
 * with `data-focus` or `autofocus`, or the chosen radio, or else the first field.
 */
export function focusFirst(): void {
  // The dialog's focus trap sets its own focus in the same turn.
  setTimeout(() => {
    const body = [...document.querySelectorAll<HTMLElement>('.el-dialog__body')].findLast((one) => one.offsetParent !== null)
    const first = ['[data-focus] input, input[data-focus]', '[autofocus]', 'input[type=radio]:checked', 'input, textarea, select']
      .map((selector) => body?.querySelector<HTMLElement>(selector)).find(Boolean)
    first?.focus()
  })
}
