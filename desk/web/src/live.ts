// One EventSource for the whole page. Components subscribe and are unsubscribed when they unmount.
import { getCurrentScope, onScopeDispose, ref, watch } from 'vue'

import { url } from './api'
import { session } from './session'
import type { Counts, RecordingNews, TicketNews } from './types'

interface News {
  ticket: TicketNews
  recording: RecordingNews
  counts: Counts
  /** The connection came back: something may have been missed, so reload. */
  again: undefined
}

const listeners: { [K in keyof News]: Set<(news: News[K]) => void> } = {
  ticket: new Set(), recording: new Set(), counts: new Set(), again: new Set(),
}

/** Whether news comes in at the moment. */
export const connected = ref(false)

let source: EventSource | null = null
let retry: ReturnType<typeof setTimeout> | undefined
let delay = 1000
let before = false

function tell<K extends keyof News>(kind: K, news: News[K]): void {
  for (const listener of listeners[kind]) listener(news)
}

function open(): void {
  if (source || !session.me || session.me.must_set_password) return
  source = new EventSource(url('/events'))
  source.onopen = () => {
    connected.value = true
    delay = 1000
    if (before) tell('again', undefined)
    before = true
  }
  source.onerror = () => {
    // The browser gives up after an HTTP error, so we always reconnect ourselves, ever more slowly.
    connected.value = false
    source?.close()
    source = null
    clearTimeout(retry)
    retry = setTimeout(open, delay)
    delay = Math.min(delay * 2, 30_000)
  }
  // The server says so when this page was too slow for it.
  source.addEventListener('reload', () => tell('again', undefined))
  for (const kind of ['ticket', 'recording', 'counts'] as const) {
    source.addEventListener(kind, (event) => {
      try {
        tell(kind, JSON.parse((event as MessageEvent<string>).data))
      } catch {
        // A line we cannot read must not end the stream.
      }
    })
  }
}

function close(): void {
  clearTimeout(retry)
  source?.close()
  source = null
  before = false
  connected.value = false
}

watch(() => session.me && !session.me.must_set_password, (on) => (on ? open() : close()), { immediate: true })

/** `subscribe('ticket', row => …)`; the returned function unsubscribes, unmounting does so too. */
export function subscribe<K extends keyof News>(kind: K, listener: (news: News[K]) => void): () => void {
  listeners[kind].add(listener)
  const stop = () => void listeners[kind].delete(listener)
  if (getCurrentScope()) onScopeDispose(stop)
  return stop
}
