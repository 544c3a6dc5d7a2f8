/** The last of `n` sorted items whose start is at or before `ms`; -1 if there is none. */
export function last(n: number, start: (at: number) => number, ms: number): number {
  let low = 0
  let high = n
  while (low < high) {
    const middle = (low + high) >> 1
    if (start(middle) <= ms) low = middle + 1
    else high = middle
  }
  return low - 1
}
