// One open ticket: loading it, sending commands in order, and what happens when somebody else was faster.
import { computed, reactive, ref, shallowRef } from 'vue'

import { api, Problem } from './api'
import { subscribe } from './live'
import { failed } from './notice'
import type { Call, Command, HistoryEntry, Ticket } from './types'

/** Commands that met a newer version of the ticket. */
export interface Conflict {
  commands: Command[]
  /** The ticket these commands were meant for. */
  base: Ticket
  /** The ticket as it is now. */
  now: Ticket
  /** What others did in between. */
  between: HistoryEntry[]
}

export function useTicket(id: string) {
  const ticket = shallowRef<Ticket | null>(null)
  const call = shallowRef<Call | null>(null)
  const problem = shallowRef<unknown>(null)
  const callProblem = shallowRef<unknown>(null)
  const conflict = shallowRef<Conflict | null>(null)
  const sending = ref(0)
  /** Fields with something typed that was not sent; while there are any the ticket is not exchanged underneath. */
  const drafts = reactive(new Set<string>())
  const newer = ref(false)
  const gone = ref(false)

  async function load(): Promise<void> {
    problem.value = null
    try {
      ticket.value = await api.ticket(id)
      newer.value = false
    } catch (error) {
      problem.value = error
      return
    }
    if (ticket.value.call && !call.value) await loadCall()
  }

  async function loadCall(): Promise<void> {
    callProblem.value = null
    try {
      call.value = await api.call(ticket.value?.call ?? '')
    } catch (error) {
      callProblem.value = error
    }
  }

  let queue: Promise<unknown> = Promise.resolve()

  /** Sends commands after those before them. Comes back true when done; shows its own errors. */
  function send(...commands: Command[]): Promise<boolean> {
    const run = queue.then(async () => {
      const base = ticket.value
      if (!base) return false
      sending.value += 1
      try {
        ticket.value = await api.command(id, base.version, ...commands)
        if (commands.some((one) => one.command === 'correct_transcript')) await loadCall()
        return true
      } catch (error) {
        if (error instanceof Problem && error.status === 412) {
          const now = error.body.current ?? (await api.ticket(id).catch(() => null))
          if (now) {
            conflict.value = { commands, base, now, between: now.history.slice(base.history.length) }
            return false
          }
        }
        failed(error)
        return false
      } finally {
        sending.value -= 1
      }
    })
    queue = run.catch(() => {})
    return run
  }

  /** After the merge view: what was chosen is sent to the ticket as it is now. */
  async function resolve(commands: Command[]): Promise<boolean> {
    if (conflict.value) ticket.value = conflict.value.now
    conflict.value = null
    newer.value = false
    return commands.length ? send(...commands) : true
  }

  async function catchUp(): Promise<void> {
    // Our own command's news arrives before or after its answer; wait for that first.
    await queue
    const version = newest
    if (!ticket.value || version <= ticket.value.version) return
    if (drafts.size || conflict.value) newer.value = true
    else await load()
  }

  let newest = 0
  subscribe('ticket', (news) => {
    if (news.id !== id) return
    if ('gone' in news) {
      gone.value = true
      return
    }
    newest = Math.max(newest, news.version)
    void catchUp()
  })
  subscribe('again', () => void (drafts.size ? (newer.value = true) : load()))

  // Sending again what was sent already is another thing to those who do it.
  const moves = computed(() => (ticket.value?.moves ?? []).map((move) =>
    move.command === 'dispatch' && ticket.value?.status === '已派遣' ? { ...move, label: '改派' } : move))
  const allowed = (command: string) => moves.value.find((move) => move.command === command)?.enabled ?? false

  return { ticket, call, problem, callProblem, conflict, sending, drafts, newer, gone, moves, allowed, load, loadCall, send, resolve }
}
