import assert from 'node:assert/strict'

import { at, check, client, nameOf, ticketPage, until, visit } from './lib.mjs'

/** The call of two legs, and a sentence of it that nothing was blanked in. */
async function sample() {
  const agent = await client('agent')
  const row = (await agent.get('/calls?limit=50')).items.find((one) => one.duration_ms > 70_000)
  const call = await agent.get(`/calls/${row.sha256}`)
  const said = call.utterances.filter((one) => one.leg === 'caller' && one.words.length > 5 && !/[＊*]/.test(one.text))
  return { ...row, call, said, ticket: await agent.get(`/tickets/${row.tickets[0].id}`) }
}
const seconds = (page) => page.evaluate(() => document.querySelector('audio').currentTime)

check('evidence lights the words and plays them', async (open) => {
  const { ticket } = await sample()
  const [name, spans] = Object.entries(ticket.fields.evidence).find(([field, found]) => ['place', 'category', 'department'].includes(field) && found[0].start_ms > 2000)
  const page = await open('agent')
  await ticketPage.open(page, ticket.id)
  await page.locator(at('transcript')).waitFor()
  await ticketPage.field(page, name).locator(at('evidence')).click()
  const line = page.locator(`[data-utterance="${spans[0].utterance}"]`)
  await line.locator('[data-hit]').first().waitFor()
  await page.locator(`${at('player')}[data-playing="true"]`).waitFor()
  await line.locator('[data-lit]').waitFor()
  const now = Number(await page.getByRole('slider', { name: '播放位置' }).getAttribute('aria-valuenow'))
  assert.ok(now >= Math.floor(spans[0].start_ms / 1000) - 1 && now <= spans[0].end_ms / 1000 + 10, `plays at ${now} s, said at ${spans[0].start_ms} ms`)
})

check('replay: words seek, the light follows, speeds, redaction and its record', async (open) => {
  const { sha256, call, said } = await sample()
  const page = await open('agent')
  await visit(page, `/call/${sha256}`)
  const line = page.locator(`${at('utterance')}[data-at="${call.utterances.indexOf(said[1])}"]`)
  await line.locator('[data-w="3"]').click()
  await until('the sound is there', async () => Math.abs((await seconds(page)) * 1000 - said[1].words[3].s) < 60)
  const lit = page.locator('.lit')
  await until('the word is lit', async () => (await lit.textContent()) === said[1].words[3].t)
  await page.locator(at('play')).click()
  await until('the light goes on', async () => (await seconds(page)) * 1000 > said[1].words[4].s && (await lit.count()) === 1 && (await lit.textContent()) !== '')
  await page.locator(at('speed')).selectOption('2')
  assert.equal(await page.evaluate(() => document.querySelector('audio').playbackRate), 2)
  await page.locator(at('play')).click()

  // Blanked until somebody says why, and that is written down.
  const words = page.locator(at('words'))
  assert.match(await words.textContent(), /＊/)
  await page.locator(at('reveal')).click()
  assert.ok(await page.locator(at('reveal-confirm')).isDisabled())
  await page.locator(at('reveal-why')).fill('核对回访电话')
  await page.locator(at('reveal-confirm')).click()
  await until('the words are whole', async () => !(await words.textContent()).includes('＊'))
  const chief = await open('super')
  await visit(chief, '/looks')
  const look = chief.locator(`${at('looks')} tr`, { hasText: '核对回访电话' }).first()
  await look.getByText(nameOf('agent')).waitFor()
  await look.getByText('未脱敏').waitFor()
})

check('words of a call are found from anywhere, and heard there', async (open) => {
  const { sha256, said } = await sample()
  const found = said.find((one) => one.start_ms > 10_000)
  const words = found.text.replace(/[，。？！、\s]/g, ' ').trim().split(/\s+/).sort((a, b) => b.length - a.length)[0]
  const page = await open('agent')
  await visit(page, '/queue/all')
  await page.locator(at('find')).fill(words)
  await page.keyboard.press('Enter')
  const call = page.locator(at('call'), { has: page.locator(`a[href*="${sha256}"]`) })
  await call.locator('mark').first().waitFor()
  const snippet = call.locator('.hit', { hasText: words.slice(0, 4) }).first()
  const asked = page.waitForRequest((request) => request.url().includes(`${sha256}/sound`))
  await snippet.locator(at('hear')).click()
  assert.ok((await asked).headers()['range'], 'only what is heard is fetched')
  await snippet.locator(`${at('hear')}[aria-pressed="true"]`).waitFor()
  await snippet.locator(at('snippet')).click()
  await until('it plays from there', async () => (await page.locator('audio').count()) && page.evaluate(() => {
    const sound = document.querySelector('audio')
    return !sound.paused && sound.currentTime
  }))
  assert.ok(Math.abs((await seconds(page)) * 1000 - found.start_ms) < 10_000)
})
