// The list a ticket was opened from, so that the ticket page can offer the one that comes next.
import { shallowRef } from 'vue'

import type { Row } from './types'

export const lastList = shallowRef<{ path: string; rows: Row[] }>({ path: '/queue', rows: [] })

/** The neighbour in the list: 1 is the next one, -1 the one before. */
export function neighbour(id: string, step: 1 | -1): Row | null {
  const at = lastList.value.rows.findIndex((row) => row.id === id)
  return at < 0 ? null : (lastList.value.rows[at + step] ?? null)
}
