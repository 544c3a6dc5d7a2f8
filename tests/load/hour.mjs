// A call of an hour in the console: how long it takes to open, and how far the lit word is from the
// stored one at the end. Prints a table; run by run.sh.
import assert from 'node:assert/strict'

import { at, check, client, visit } from '../browser/lib.mjs'

const OPENED_MS = 1000
const OFF_MS = 100
const row = (what, measured, asked) => console.log(`${what.padEnd(64)}${String(Math.round(measured)).padStart(6)} ms   ${asked} ms`)

check('a call of an hour', async (open) => {
  const { items } = await (await client('super')).get('/calls?limit=100')
  const { sha256, duration_ms } = items.reduce((a, b) => (a.duration_ms < b.duration_ms ? b : a))
  const call = await (await client('super')).get(`/calls/${sha256}`)
  const page = await open('super')
  const opened = []
  for (let n = 0; n < 5; n += 1) {
    await visit(page, '/calls')
    await page.locator(at('call')).first().waitFor()
    opened.push(await page.evaluate(async (path) => {
      const began = performance.now()
      location.hash = path
      const ready = () => document.querySelector('[data-test="utterance"]') && document.querySelector('[data-test="waveform"] canvas')
      while (!ready()) await new Promise(requestAnimationFrame)
      return performance.now() - began
    }, `/call/${sha256}`))
  }
  const words = call.utterances.reduce((sum, one) => sum + one.words.length, 0)
  row(`${Math.round(duration_ms / 60_000)} minutes, ${words} words: words and waveform, slowest of 5`, Math.max(...opened), OPENED_MS)

  // The last utterance of some length: where an error would have added up.
  const last = call.utterances.findLastIndex((one) => one.words.length > 8)
  const line = page.locator(`${at('utterance')}[data-at="${last}"]`)
  // Its words are made when it comes into view.
  await line.scrollIntoViewIfNeeded()
  await line.locator('[data-w="0"]').click()
  await page.locator(at('play')).click()
  const off = await page.evaluate(async ({ last, times }) => {
    const sound = document.querySelector('audio')
    const off = []
    let lit = -1
    for (const end = performance.now() + 20_000; performance.now() < end && lit < times.length - 1 && !sound.ended;) {
      await new Promise(requestAnimationFrame)
      const now = Number(document.querySelector(`[data-test="utterance"][data-at="${last}"] .lit`)?.dataset.w ?? -1)
      if (now <= lit || sound.paused) continue
      // The first was lit before it played.
      if (lit >= 0) off.push(sound.currentTime * 1000 - times[now])
      lit = now
    }
    return off
  }, { last, times: call.utterances[last].words.map((word) => word.s) })
  assert.ok(off.length > 5, `${off.length} words were lit`)
  row(`the lit word, ${off.length} words near the end: furthest off`, Math.max(...off.map(Math.abs)), OFF_MS)
  assert.ok(Math.max(...opened) <= OPENED_MS && off.every((ms) => Math.abs(ms) <= OFF_MS))
})
