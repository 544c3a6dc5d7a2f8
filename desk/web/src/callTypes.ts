// The shapes of recorded calls; types.ts hands them on.

/** What a quality check of a call found. */
export interface Check {
  code: string
  text: string
  ticket: string | null
  field: string | null
}

export interface CallRow {
  sha256: string
  started_at: string
  duration_ms: number
  outcome: 'tickets' | 'transfer' | 'none' | 'unusable'
  tickets: { id: string; title: string; status: string; type: string; category: string; department: string | null }[]
  caller: string | null
  caller_key: string | null
  /** Matched words stand inside <mark>; the server escaped all else. */
  snippet: { utterance: number; start_ms: number; html: string }[]
  confidence: number
  flags: Check[]
  marks: number
  score: number | null
  /** Something that sounds alike was let in. */
  alike?: boolean
}

export interface CallList {
  items: CallRow[]
  /** No call holds all the words; these hold some of them. */
  partial?: boolean
  next: string | null
  total: number
}

/** One word: text, start and end in milliseconds, confidence. */
export interface Word {
  t: string
  s: number
  e: number
  c: number
}

export interface Utterance {
  n: number
  leg: 'caller' | 'agent' | 'mixed'
  uncertain: boolean
  start_ms: number
  end_ms: number
  confidence: number
  text: string
  corrected: string | null
  words: Word[]
}

export interface Mark {
  at_ms: number
  text: string
  by: string
  at: string
}

export interface Score {
  by: string
  at: string
  items: Record<string, number>
  total: number
  comment: string
}

export interface Call extends Omit<CallRow, 'marks' | 'score'> {
  legs: string[]
  incomplete: string | null
  redacted: boolean
  utterances: Utterance[]
  marks: Mark[]
  scores: Score[]
  has_sound: boolean
}

export interface Peaks {
  duration_ms: number
  bucket_ms: number
  /** For each leg the loudness of each bucket, 0 to 100. */
  legs: number[][]
  /** Whose voice each of them is. */
  names?: Utterance['leg'][]
  silence: [number, number][]
}
