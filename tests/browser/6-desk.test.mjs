import assert from 'node:assert/strict'

import { at, check, client, handmade, ticketPage, until, visit } from './lib.mjs'

const focused = (page) => page.evaluate(() => document.activeElement?.closest('[data-field]')?.dataset.field)

check('times are those of China, whatever the zone of the browser', async (open) => {
  const agent = await client('agent')
  const { id, started_at } = await handmade(agent, { title: '时间按北京时间' })
  const page = await open('agent', { timezoneId: 'America/New_York' })
  await ticketPage.open(page, id)
  await page.locator('.came', { hasText: started_at.slice(5, 16).replace('T', ' ') }).waitFor()
  const when = ticketPage.field(page, 'when').locator('input')
  await when.fill('2026-03-20 02:30')
  await when.press('Enter')
  await ticketPage.history(page, '改为「2026-03-20 02:30」')
  assert.equal((await agent.get(`/tickets/${id}`)).fields.when.from, '2026-03-20T02:30:00+08:00')
  await until('it stands there as typed', async () => (await when.inputValue()) === '2026-03-20 02:30')
})

check('a deadline is provisional until the ticket is sent', async (open) => {
  const agent = await client('agent')
  const ticket = await handmade(agent, { title: '派单后起算' })
  const page = await open('agent')
  await ticketPage.open(page, ticket.id)
  await page.locator('.limit', { hasText: '派单后起算' }).waitFor()
  await agent.command(ticket, { command: 'dispatch', to: '区水务局' })
  await page.locator('.limit', { hasText: /^剩/ }).waitFor()
})

check('Escape closes a list and leaves its field, closes a menu and nothing else', async (open) => {
  const { id } = await handmade(await client('agent'), { title: '按 Esc' })
  const page = await open('agent')
  await ticketPage.open(page, id)
  await ticketPage.field(page, 'type').focus()
  await page.keyboard.press('Enter')
  const list = page.getByRole('option', { name: '求助', exact: true })
  await list.waitFor()
  await page.keyboard.type('求')
  await page.keyboard.press('Escape')
  await list.waitFor({ state: 'hidden' })
  await until('the row has the keyboard, not its field', () => page.evaluate(() => document.activeElement?.dataset.field === 'type'))
  assert.equal(await focused(page), 'type')

  await page.locator(at('more-moves')).click()
  const fold = page.locator(at('closed-moves'))
  await fold.click()
  await page.locator('.el-dropdown-menu [data-move="sign"]').waitFor()
  await page.keyboard.press('Escape')
  await fold.waitFor({ state: 'hidden' })
  assert.match(page.url(), new RegExp(id), 'the ticket is still there')
  await page.keyboard.press('Escape')
  await until('only now the list', () => page.url().includes('#/queue'))
})

check('back in a list one stands where one was', async (open) => {
  const agent = await client('agent')
  for (let n = 0; n < 16; n += 1) await handmade(agent, { title: `一长列的第 ${n + 1} 件` })
  const page = await open('agent', { height: 520 })
  await visit(page, '/queue/all')
  const row = page.locator('tr[data-ticket]').nth(12)
  const id = await row.getAttribute('data-ticket')
  await row.locator('a').click()
  await page.locator(at('fields')).waitFor()
  await page.keyboard.press('Escape')
  const again = page.locator(`tr[data-ticket="${id}"][aria-selected="true"]`)
  await again.waitFor()
  await until('it is in view', () => again.evaluate((one) => one.getBoundingClientRect().bottom <= innerHeight && one.getBoundingClientRect().top > 0))
})

check('nothing found here leads to where it may be', async (open) => {
  const page = await open('agent')
  await visit(page, '/queue/closed')
  await page.locator(at('search')).fill('绝没有人说过的话')
  await page.locator(at('search-all')).waitFor()
  await page.locator(at('search-calls')).click()
  await until('the words came along', () => decodeURIComponent(page.url()).endsWith('/calls?q=绝没有人说过的话'))
})

check('no page scrolls twice', async (open) => {
  const page = await open('admin')
  for (const path of ['queue/all', 'calls', 'rules', 'people', 'no-such-page']) {
    await visit(page, `/${path}`)
    await page.locator('main > *').first().waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.scrollHeight - document.documentElement.clientHeight), 0, path)
  }
  await page.getByRole('navigation', { name: '主菜单' }).waitFor()
})
