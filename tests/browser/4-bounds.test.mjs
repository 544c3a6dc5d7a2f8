import assert from 'node:assert/strict'

import { at, BASE, check, client, handmade, OURS, ticketPage, until, visit } from './lib.mjs'

const isOpen = (ticket) => !/结案|撤单|并单|回访/.test(ticket.status)

check('another department sees nothing of it, and no handler sees what is blanked', async (open) => {
  const [agent, handler] = [await client('agent'), await client('handler')]
  // A ticket with a call goes to us, and gets a file.
  const row = (await agent.get('/calls?limit=50')).items.find((one) => one.tickets.some(isOpen))
  let ticket = await agent.get(`/tickets/${row.tickets[0].id}`)
  if (ticket.department !== OURS) ticket = await agent.command(ticket, { command: 'dispatch', to: OURS })
  const form = new FormData()
  form.set('file', new Blob(['照片']), '照片.txt')
  const attached = await fetch(`${BASE}/api/tickets/${ticket.id}/attachments`, { method: 'POST', headers: { Cookie: handler.cookie, 'X-CSRF-Token': handler.csrf }, body: form })
  assert.equal(attached.status, 201)

  const paths = [`tickets/${ticket.id}`, `tickets/${ticket.id}/beside`, `tickets/${ticket.id}/attachments/0`, ...['', '/peaks', '/sound', '/export?form=json'].map((rest) => `calls/${row.sha256}${rest}`)]
  const outside = await open('outsider', { expected: [403, 404] })
  await visit(outside, '/queue/all')
  await outside.locator(at('empty')).or(outside.locator(at('ticket-table'))).first().waitFor()
  assert.equal(await outside.locator(`tr[data-ticket="${ticket.id}"]`).count(), 0)
  for (const path of [`/ticket/${ticket.id}`, `/call/${row.sha256}`]) {
    await visit(outside, path)
    await outside.locator(at('problem')).first().waitFor()
    assert.ok(!(await outside.locator('main').textContent()).includes(ticket.title))
  }
  await visit(outside, '/calls')
  await until('the search for calls is not theirs', () => outside.url().includes('#/queue'))
  for (const path of paths) assert.ok([403, 404].includes((await outside.request.get(`${BASE}/api/${path}`)).status()), path)

  const ours = await open('handler', { expected: [403] })
  await ticketPage.open(ours, ticket.id)
  await ours.locator(at('transcript')).waitFor()
  assert.equal(await ours.locator(at('unredact')).count(), 0)
  await visit(ours, `/call/${row.sha256}`)
  await ours.locator(at('words')).waitFor()
  assert.equal(await ours.locator(at('reveal')).count(), 0)
  for (const path of paths.slice(0, 6)) assert.equal((await ours.request.get(`${BASE}/api/${path}`)).status(), 200, path)
  for (const path of ['', '/sound']) {
    const answer = await ours.request.get(`${BASE}/api/calls/${row.sha256}${path}?redact=false&why=%E6%83%B3%E7%9C%8B`)
    assert.equal(answer.status(), 403)
  }
})

check('what people type is shown and never runs', async (open) => {
  const agent = await client('agent')
  const script = '<img src=x onerror="window.__ran.push(1)">'
  const hand = await handmade(agent, { title: script, description: script, subject: script })
  const row = (await agent.get('/calls?limit=50')).items.find((one) => one.tickets.some(isOpen) && one.duration_ms < 70_000)
  let ticket = await agent.get(`/tickets/${row.tickets[0].id}`)
  const [line] = (await agent.get(`/calls/${row.sha256}?redact=false&why=${encodeURIComponent('更正转写')}`)).utterances
  ticket = await agent.command(ticket, { command: 'correct_transcript', utterance: line.n, from: line.text, to: script })
  ticket = await agent.command(ticket, { command: 'correct', field: 'title', to: script })
  await agent.command(ticket, { command: 'note', text: script })
  await (await client('super')).post(`/calls/${row.sha256}/marks`, { at_ms: 1000, text: script })

  const page = await open('super')
  await visit(page, '/queue/all')
  await page.locator(`tr[data-ticket="${hand.id}"]`).getByText(script).waitFor()
  await ticketPage.open(page, ticket.id)
  await ticketPage.history(page, script)
  await page.locator(at('transcript')).getByText(script).waitFor()
  await page.getByRole('tab', { name: /附件/ }).click()
  await page.locator(at('attach-input')).setInputFiles({ name: `${script}.txt`, mimeType: 'text/html', buffer: Buffer.from('<script>window.__ran.push(2)</script>') })
  const file = page.locator(at('attachments')).getByRole('link', { name: 'onerror' })
  await file.waitFor()
  const answer = await page.request.get(`${BASE}${await file.getAttribute('href')}`)
  assert.match(answer.headers()['content-disposition'], /^attachment/)
  assert.equal(answer.headers()['x-content-type-options'], 'nosniff')
  await page.getByRole('tab', { name: /相似/ }).click()
  await page.locator(at('beside')).getByText('相似的未结工单').waitFor()
  await visit(page, `/call/${row.sha256}`)
  await page.locator(at('words')).getByText(script).waitFor()
  await page.locator(at('marks')).getByText(script).waitFor()
  await visit(page, '/calls?q=onerror')
  await page.locator(at('calls-total')).getByText('条结果').waitFor()
  await page.goBack()
  // The watch over the page says what ran or was refused.
  assert.deepEqual(await page.evaluate(() => window.__ran), [])
})
