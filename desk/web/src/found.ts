// Marking found words in a transcript: by their spelling, so that what is marked can be seen to be what was looked for.
import { h, type FunctionalComponent } from 'vue'

/** Words that were typed, and pieces of any that nobody said as a whole. */
export function terms(words: string[], texts: string[]): string[] {
  const all = texts.join('\n').toLowerCase()
  const wanted = words.flatMap((one) => one.toLowerCase().split(/[\s,，。、;；"“”]+/)).filter(Boolean)
  return [...new Set(wanted)].flatMap((term) => {
    if (all.includes(term) || term.length < 3) return [term]
    return Array.from({ length: term.length - 1 }, (_, at) => term.slice(at, at + 2)).filter((pair) => all.includes(pair))
  })
}

/** For each code unit of a text whether it belongs to one of the terms. */
function covered(text: string, wanted: string[]): boolean[] {
  const lower = text.toLowerCase()
  const hit: boolean[] = new Array<boolean>(text.length).fill(false)
  for (const term of wanted) {
    for (let at = lower.indexOf(term); at >= 0; at = lower.indexOf(term, at + 1)) hit.fill(true, at, at + term.length)
  }
  return hit
}

export interface Piece { t: string; hit: boolean }

/** Pieces of a text, the found ones marked. */
export const Marked: FunctionalComponent<{ pieces: Piece[] }> = ({ pieces }) => pieces.map((piece) => (piece.hit ? h('mark', piece.t) : piece.t))
Marked.props = ['pieces']

/** A text that is already cut into words, each cut again where a found stretch begins or ends. */
export function cut(words: string[], wanted: string[]): Piece[][] {
  if (!wanted.length) return words.map((t) => [{ t, hit: false }])
  const hit = covered(words.join(''), wanted)
  let from = 0
  return words.map((word) => {
    const pieces: Piece[] = []
    for (let at = 0; at < word.length; at += 1) {
      const on = hit[from + at] ?? false
      const before = pieces.at(-1)
      if (before?.hit === on) before.t += word[at]
      else pieces.push({ t: word[at]!, hit: on })
    }
    from += word.length
    return pieces
  })
}
