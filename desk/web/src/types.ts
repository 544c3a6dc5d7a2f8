// The shapes of the API. Their names are the contract with the crate `desk`.

export type * from './callTypes'

export type Role = 'agent' | 'handler' | 'supervisor' | 'admin'

export interface Me {
  login: string
  name: string
  role: Role
  department: string | null
  csrf: string
  must_set_password: boolean
  city: string
  version: string
}

export interface Department {
  name: string
  level: string
  duties: string
  aliases: string[]
  active: boolean
}

export interface Vocabulary {
  types: string[]
  urgencies: string[]
  categories: { name: string; children: string[] }[]
  statuses: string[]
  departments: Department[]
  unsolved_reasons: string[]
  extension_days?: number
}

/** A place the address table offers. */
export interface PlaceHit {
  text: string
  names: string[]
  codes: string[]
  detail: string
  score: number
}

export interface Knowledge {
  id: string
  title: string
  answer: string
  source: string
  date: string
  category: string
  words: string[]
}

export interface ChecklistItem {
  id: string
  name: string
  points: number
  hint: string
}

export interface Row {
  id: string
  version: number
  status: string
  type: string
  category: string
  category_2: string | null
  urgency: string
  emergency: boolean
  title: string
  department: string | null
  co: string[]
  place: string
  caller: string | null
  caller_key: string | null
  deadline: string | null
  opened_at: string
  started_at: string
  confidence: number
  call: string
  overdue: boolean
  due_soon: boolean
  /** The clock stands still. */
  paused: boolean
  supervised: boolean
  missing: string[]
  redos: number
  refusals: number
  merged: string[]
}

export interface TicketList {
  items: Row[]
  /** No ticket holds all the words; these hold some of them. */
  partial?: boolean
  next: string | null
  total: number
  counts: Counts
}

/** Tickets in each queue. */
export type Counts = Record<string, number>

/** A stretch of one utterance; start and end count characters. */
export interface Span {
  utterance: number
  start: number
  end: number
  start_ms?: number | null
  end_ms?: number | null
}

export interface Reading extends Span {
  heard: string
  meant: string
}

export interface Place {
  text: string
  codes: string[]
  names: string[]
  detail: string
  candidates: { code?: string; codes?: string[]; names: string[]; score: number }[]
}

export interface When {
  text: string
  from: string | null
  to: string | null
}

export interface Fields {
  type: string
  category: string
  category_2: string | null
  department: string | null
  department_reason: string | null
  urgency: string
  emergency: boolean
  emergency_kind: string | null
  phone: string | null
  place: Place | null
  when: When | null
  name: string | null
  subject: string | null
  deadline: string | null
  title: string
  /** Of a ticket that was typed. */
  description?: string | null
  readings: Reading[]
  missing: string[]
  notes: string[]
  confidence: Record<string, number>
  runner_up: Record<string, string>
  evidence: Record<string, Span[]>
}

export interface HistoryEntry {
  n: number
  at: string
  by: string
  event: string
  text: string
  why: string | null
  detail: Record<string, unknown> | null
}

export interface Move {
  command: string
  label: string
  enabled: boolean
  reason: string | null
}

export interface Attachment {
  n: number
  name: string
  bytes: number
  media_type: string
  by: string
  at: string
}

export interface Answer {
  handling: string
  reply: string
  solved: boolean
  reason: string | null
}

export interface FollowUp {
  reached: boolean
  responded: boolean
  solved: boolean
  satisfied: number
  words?: string | null
  by?: string
  at?: string
}

/** A row's `place` is text, a ticket's lies in its fields. */
export interface Ticket extends Row {
  fields: Fields
  matter: number
  history: HistoryEntry[]
  moves: Move[]
  attachments: Attachment[]
  answer: Answer | null
  followups: FollowUp[]
  extension: { days: number; why: string; by: string; at: string } | null
  first: string | null
  /** Whom it goes to when nobody says otherwise. */
  proposed: string | null
  merged_into: string | null
}

export interface Beside {
  similar: (Row & { score: number })[]
  caller: Row[]
}

/** One command to a ticket; `command` says which, the rest are its particulars. */
export interface Command {
  command: string
  [particular: string]: unknown
}

export interface NewTicket {
  type: string
  category: string
  category_2?: string
  urgency: string
  title: string
  description: string
  phone?: string
  name?: string
  place?: string
  subject?: string
  department?: string
  dispatch: boolean
}

export interface Board {
  from: string
  to: string
  totals: { tickets: number; open: number; overdue: number; due_soon: number; closed: number; calls: number }
  rates: Record<'responded' | 'solved' | 'satisfied' | 'signed' | 'on_time' | 'refused' | 'redone', number | null>
  by_status: { name: string; n: number }[]
  by_type: { name: string; n: number }[]
  by_category: { name: string; n: number }[]
  by_department: {
    name: string
    open: number
    overdue: number
    closed: number
    on_time: number | null
    solved: number | null
    satisfied: number | null
  }[]
  by_hour: number[]
  by_weekday_hour: number[][]
  by_day: { day: string; n: number; closed: number }[]
  topics: { text: string; n: number; before: number; change: number | null; ids: string[] }[]
  by_street: { name: string; n: number }[]
}

/** Progress of a recording that was handed in. */
export interface RecordingNews {
  job: string
  name: string
  state: 'waiting' | 'hearing' | 'done' | 'failed'
  progress: number
  tickets: string[]
  detail?: string | null
}

/** A ticket's row changed, or the ticket left what this person may see. */
export type TicketNews = Row | { id: string; gone: true }

export interface Change {
  at: string
  by: string
  what: string
  text: string
  from: unknown
  to: unknown
}

export interface DispatchRule {
  types: string[]
  categories: string[]
  emergency: string[]
  first: boolean
  words: string[]
  unless: string[]
  department: string
  because: string
}

export interface DispatchRules {
  version: string
  rules: DispatchRule[]
}

export interface RuleProblem {
  rule: number
  field: string
  detail: string
}

export interface Person {
  login: string
  name: string
  role: Role
  department: string | null
  active: boolean
  created_at: string
  last_seen: string | null
  /** The token of a one-time link, present only in the answer that made it. */
  link?: string
}

export interface Models {
  whisper: { name: string; size: number; default: boolean; built: boolean }[]
  classifiers: { name: string; default: boolean; made_at: string | null }[]
}

export interface Look {
  at: string
  by: string
  what: string
  call: string | null
  ticket: string | null
  redacted: boolean
  why: string | null
}

/** RFC 9457. `detail` is fit to be shown. */
export interface ProblemBody {
  type: string
  title: string
  status: number
  detail: string
  remedy?: string | null
  current?: Ticket
  problems?: RuleProblem[]
}
