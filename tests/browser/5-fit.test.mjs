import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { at, check, client, DIST, handmade, ticketPage, until, visit } from './lib.mjs'

check('from the queue to a dispatched ticket with keys alone', async (open) => {
  const { id } = await handmade(await client('agent'), { title: '键盘走一遍' })
  const page = await open('agent')
  await visit(page, '/queue/dispatch')
  const row = page.locator(`tr[data-ticket="${id}"]`)
  await row.waitFor()
  await until('j comes to the row', async () => {
    if ((await row.getAttribute('aria-selected')) === 'true') return true
    await page.keyboard.press('j')
    return false
  })
  await page.keyboard.press('Enter')
  await page.locator(at('fields')).waitFor()
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
  for (let n = 0; (await focused()) !== '反映的对象' && n < 60; n += 1) await page.keyboard.press('Tab')
  assert.equal(await focused(), '反映的对象')
  await page.keyboard.type('路灯')
  await page.keyboard.press('Enter')
  await ticketPage.history(page, '改为「路灯」')
  await until('the field is left', async () => (await focused()) !== '反映的对象')
  await page.keyboard.press('d')
  await page.locator(at('dialog-dispatch')).waitFor()
  await until('the dialog has the keyboard', () => page.evaluate(() => document.activeElement?.closest('.el-dialog') !== null))
  await page.keyboard.press('Enter')
  await ticketPage.status(page, '已派遣')
})

check('nothing scrolls sideways on a phone', async (open) => {
  const admin = await client('admin')
  const call = (await admin.get('/calls?limit=50')).items[0]
  const ticket = (await admin.get('/tickets?limit=50')).items.find((one) => one.call)
  const page = await open('admin', { width: 390, height: 844 })
  const pages = {
    'queue/all': 'ticket-table', calls: 'call', boards: 'by-department', departments: 'department', rules: 'rule', people: 'person', models: 'whisper',
    [`ticket/${ticket.id}`]: 'transcript', [`call/${call.sha256}`]: 'words', looks: 'looks',
  }
  for (const [path, content] of Object.entries(pages)) {
    await visit(page, `/${path}`)
    await page.locator(at(content)).first().waitFor()
    const wide = await page.evaluate(() => [document.scrollingElement, document.querySelector('main')].map((box) => box.scrollWidth - box.clientWidth))
    assert.deepEqual(wide, [0, 0], path)
  }
})

test('the scripts of the console fit into 600 kB', () => {
  const scripts = readdirSync(`${DIST}assets`).filter((name) => name.endsWith('.js'))
  const bytes = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(`${DIST}assets/${name}`)).length, 0)
  assert.ok(bytes > 0 && bytes <= 600_000, `${bytes} bytes`)
})
