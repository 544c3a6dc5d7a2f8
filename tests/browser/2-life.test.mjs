import assert from 'node:assert/strict'

import { at, check, choose, client, handmade, nameOf, OURS, recording, ticketPage, until, visit } from './lib.mjs'

const { act, dispatch, field, history, move, status } = ticketPage

check('a recording comes in and is carried to its end', async (open) => {
  const agent = await open('agent')
  const handler = await open('handler')
  await visit(handler, '/queue/sign')
  await visit(agent, '/queue/all')
  await agent.locator(at('ticket-table')).waitFor()

  // Arrival: heard while the console watches, and in the list without a reload.
  await agent.locator(at('upload-input')).setInputFiles(recording('25-fallen-old-man'))
  const job = agent.locator(`${at('uploads')} li`).first()
  await until('the recording is heard', async () => /done|failed/.test(await job.getAttribute('data-state')), 120_000)
  assert.equal(await job.getAttribute('data-state'), 'done')
  const id = await job.locator('a').first().textContent()
  await agent.locator(`tr[data-ticket="${id}"] a`).click()

  // A field is corrected, and it goes to its department.
  await field(agent, 'subject').locator('input').fill('紫竹院公园的晕倒老人')
  await agent.keyboard.press('Enter')
  await history(agent, '改为「紫竹院公园的晕倒老人」')
  await dispatch(agent, OURS)
  await status(agent, '已派遣')
  await agent.locator(at('finished')).getByText(OURS).waitFor()

  // The department sees it come, signs, and answers with a file.
  await handler.locator(`tr[data-ticket="${id}"] a`).click()
  await status(handler, '已派遣')
  await move(handler, 'sign')
  await status(handler, '处置中')
  await status(agent, '处置中')
  await handler.getByRole('tab', { name: /附件/ }).click()
  await handler.locator(at('attach-input')).setInputFiles({ name: '现场照片.png', mimeType: 'image/png', buffer: Buffer.from('89504e470d0a1a0a', 'hex') })
  await handler.getByRole('link', { name: '现场照片.png' }).waitFor()
  await act(handler, 'answer', async (dialog) => {
    await dialog.locator('textarea[name=handling]').fill('急救到场，已送医。')
    await dialog.locator('textarea[name=reply]').fill('老人已送医，谢谢您的来电。')
  })

  // Follow-up and closure, each seen as it happens.
  await status(agent, '待回访')
  await history(agent, '老人已送医')
  await agent.getByRole('tab', { name: '附件 1' }).click()
  const [download] = await Promise.all([agent.waitForEvent('download'), agent.getByRole('link', { name: '现场照片.png' }).click()])
  assert.equal(download.suggestedFilename(), '现场照片.png')
  await agent.getByRole('tab', { name: '历史' }).click()
  await act(agent, 'follow_up')
  await status(agent, '已回访')
  await act(agent, 'close')
  await status(agent, '已结案')
  await status(handler, '已结案')
  for (const text of ['派给', '签收', '添加附件「现场照片.png」', '办结答复（已解决）', '回访：已解决', '结案']) await history(agent, text)
})

check('a ticket by hand', async (open) => {
  const page = await open('agent')
  const second = (await (await client('agent')).get('/vocabulary')).categories.find((one) => one.name === '城乡建设').children[0]
  await visit(page, '/queue/dispatch')
  await page.locator(at('new-ticket')).click()
  const dialog = page.locator(at('new-ticket-dialog'))
  await dialog.locator('input[name=title]').fill('望京西园三区路灯不亮')
  await dialog.locator('textarea[name=description]').fill('三号楼前的路灯坏了一周，老人摔倒过。')
  await choose(page, '类型', '投诉', dialog)
  await choose(page, '分类', `城乡建设 · ${second}`, dialog)
  await dialog.getByLabel('地点').fill('朝阳区望京街道')
  await choose(page, '承办单位', OURS, dialog)
  await dialog.locator(at('new-save')).click()
  await page.locator(at('description')).getByText('老人摔倒过').waitFor()
  await status(page, '待派遣')
  await field(page, 'category').getByText(`城乡建设 · ${second}`).waitFor()
  await dispatch(page, OURS)
  await status(page, '已派遣')
})

check('two agents edit one ticket at once', async (open) => {
  const { id } = await handmade(await client('agent'))
  const [one, two] = [await open('agent'), await open('agent2', { expected: [412] })]
  for (const page of [one, two]) await ticketPage.open(page, id)
  const input = (page, name) => field(page, name).locator('input, textarea').first()

  // Different fields: the merge view has nothing to ask, and both end up.
  await input(two, 'subject').fill('王话务写的对象')
  await input(one, 'title').fill('李话务写的标题')
  await one.keyboard.press('Enter')
  await history(one, '改为「李话务写的标题」')
  await two.getByText('别人刚改过这件工单').first().waitFor()
  await input(two, 'subject').press('Enter')
  await two.locator(at('merge')).getByText(nameOf('agent')).first().waitFor()
  await two.locator(at('merge-send')).click()
  await history(one, '改为「王话务写的对象」')
  await until('the second has both', async () => (await input(two, 'title').inputValue()) === '李话务写的标题')

  // The same field: nothing is sent until somebody chooses.
  await input(two, 'title').fill('王话务写的标题')
  await input(one, 'title').fill('李话务改了主意')
  await one.keyboard.press('Enter')
  await history(one, '改为「李话务改了主意」')
  await input(two, 'title').press('Enter')
  const merge = two.locator(at('merge'))
  await merge.getByText('冲突', { exact: true }).waitFor()
  assert.ok(await merge.locator(at('merge-send')).isDisabled())
  await merge.locator(at('keep-mine')).check()
  await merge.locator(at('merge-send')).click()
  await history(one, '从「李话务改了主意」改为「王话务写的标题」')
  assert.equal((await (await client('agent')).get(`/tickets/${id}`)).fields.subject, '王话务写的对象')
})
