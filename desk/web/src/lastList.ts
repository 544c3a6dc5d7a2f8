// The list a ticket was opened from, so that the ticket page can offer the one that comes next, and the list stands
// where it was left.
import { shallowRef } from 'vue'

import type { Row } from './types'

export const lastList = shallowRef<{ path: string; rows: Row[] }>({ path: '/queue', rows: [] })

/** The row whose ticket was open last, and where it stood: it may be gone from the list meanwhile. */
let left: { path: string; id: string; at: number } | null = null

export function leave(id: string): void {
  const at = lastList.value.rows.findIndex((row) => row.id === id)
  // A ticket that was reached another way says nothing about the list.
  if (at >= 0) left = { path: lastList.value.path, id, at }
}

/** The row that a list of this address was left by. Asked once, when the list is back. */
export function cameFrom(path: string): { id: string; at: number } | null {
  if (left?.path !== path) return null
  const from = left
  left = null
  return from
}

/** The neighbour in the list: 1 is the next one, -1 the one before. */
export function neighbour(id: string, step: 1 | -1): Row | null {
  const at = lastList.value.rows.findIndex((row) => row.id === id)
  return at < 0 ? null : (lastList.value.rows[at + step] ?? null)
}
