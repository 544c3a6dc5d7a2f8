import assert from 'node:assert/strict'

import { at, check, LINK, PASSWORD, until, visit } from './lib.mjs'

async function signIn(page, login, password) {
  await page.locator(at('login')).fill(login)
  await page.locator(at('password')).fill(password)
  await page.locator(at('submit')).click()
}

check('one-time link, password, sign out, sign in', async (open) => {
  const page = await open(null, { expected: [401] })
  await page.goto(LINK)
  await page.getByText('您的账号：admin').waitFor()
  await page.locator(at('new-password')).fill(PASSWORD)
  await page.locator(at('new-password-again')).fill(PASSWORD)
  await page.locator(at('save-password')).click()
  await page.getByText('密码已保存').waitFor()
  await page.locator(at('ticket-table')).waitFor()
  assert.match(page.url(), /#\/queue/, 'the administrator begins with the work that waits')
  await page.locator(at('account')).click()
  await page.locator(at('own-login')).getByText('admin').waitFor()
  await page.locator(at('sign-out')).click()
  await page.locator(at('sign-in')).waitFor()
  await signIn(page, 'admin', PASSWORD)
  await page.locator(at('ticket-table')).waitFor()
})

check('a link that was used, a wrong password, a page that asks who it is', async (open) => {
  const page = await open(null, { expected: [401] })
  await page.goto(LINK)
  await page.getByText('这个链接已经用过或过期了，请让管理员重新生成一个。').waitFor()
  await visit(page, '/calls')
  await page.locator(at('sign-in')).waitFor()
  await signIn(page, 'admin', 'wrong horse 12')
  await page.locator(at('problem')).getByText('账号或密码不对').waitFor()
  await page.locator(at('password')).fill(PASSWORD)
  await page.keyboard.press('Enter')
  await until('back where it was going', () => page.url().endsWith('#/calls'))
})
