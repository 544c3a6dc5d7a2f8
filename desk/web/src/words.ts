// Chinese labels and the way numbers, times and deadlines are written.
import type { Role, Row } from './types'

export const ROLES: Record<Role, string> = { agent: '话务员', handler: '承办单位', supervisor: '班长', admin: '管理员' }

/** Queues in the order of a ticket's life, with the second key of `g …`. */
export const QUEUES = [
  { name: 'all', label: '全部', key: 'a' },
  { name: 'review', label: '待复核', key: 'r' },
  { name: 'supplement', label: '待补充', key: 'b' },
  { name: 'dispatch', label: '待派遣', key: 'd' },
  { name: 'sign', label: '待签收', key: 's' },
  { name: 'handling', label: '处置中', key: 'h' },
  { name: 'extension', label: '延期待批', key: 'e' },
  { name: 'followup', label: '待回访', key: 'f' },
  { name: 'supervise', label: '待督办', key: 'u' },
  { name: 'close', label: '已回访', key: 'c' },
  { name: 'overdue', label: '超期', key: 'o' },
  { name: 'closed', label: '已结案', key: 'z' },
] as const

export const FIELDS: Record<string, string> = {
  type: '类型', category: '分类', category_2: '二级分类', department: '承办单位', urgency: '紧急程度',
  emergency: '紧急险情', emergency_kind: '险情种类', phone: '电话', place: '地点', when: '发生时间', name: '姓名',
  subject: '对象', deadline: '时限', title: '标题', status: '状态', matter: '诉求', co: '协办单位',
}

export const EMERGENCIES: Record<string, string> = {
  fire: '火情', crime: '违法犯罪', medical: '伤病', traffic: '交通事故', gas: '燃气泄漏', danger: '险情',
}

export const OUTCOMES: Record<string, string> = { tickets: '已成单', transfer: '已转接', none: '未成单', unusable: '无法识别' }

export const LEGS: Record<string, string> = { caller: '市民', agent: '话务员', mixed: '通话' }

/** Below this a field must be looked at by a person. */
export const DOUBTFUL = 0.6

export type Tone = 'plain' | 'accent' | 'good' | 'warn' | 'bad'

const TONES: Record<string, Tone> = {
  待受理: 'accent', 待复核: 'warn', 待补充: 'warn', 已受理: 'accent', 待派遣: 'accent', 已派遣: 'accent',
  待签收: 'accent', 已签收: 'accent', 待处置: 'accent', 处置中: 'accent', 延期待批: 'warn', 已处置: 'good',
  待回访: 'accent', 已回访: 'good', 待督办: 'bad', 督办: 'bad', 超期: 'bad', 已退单: 'warn', 已结案: 'plain',
  已撤单: 'plain', 已并单: 'plain',
}

/** The colour of a status; the word always stands beside it. */
export const toneOf = (status: string): Tone => TONES[status] ?? 'plain'

const two = (n: number) => String(n).padStart(2, '0')

/** 3:07, or 1:02:07 for long calls. */
export function clock(ms: number): string {
  const all = Math.max(0, Math.floor(ms / 1000))
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60]
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** 2 天 3 小时; at most two parts. */
export function duration(ms: number): string {
  const minutes = Math.floor(Math.abs(ms) / 60_000)
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60]
  if (d) return h && d < 10 ? `${d} 天 ${h} 小时` : `${d} 天`
  if (h) return m && h < 10 ? `${h} 小时 ${m} 分` : `${h} 小时`
  return `${m} 分钟`
}

export function dateTime(at: string | null | undefined): string {
  if (!at) return ''
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return at
  const year = date.getFullYear() === new Date().getFullYear() ? '' : `${date.getFullYear()}-`
  return `${year}${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`
}

export function day(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

export function ago(at: string | null | undefined, now = Date.now()): string {
  if (!at) return ''
  const ms = now - new Date(at).getTime()
  return ms < 60_000 ? '刚刚' : `${duration(ms)}前`
}

/** "剩 2 天 3 小时", "超期 5 小时"; `tone` colours it. */
export function deadline(row: Pick<Row, 'deadline' | 'overdue' | 'due_soon' | 'status'> & { paused?: boolean }, now = Date.now()): { text: string; tone: Tone } {
  if (!row.deadline) return { text: '', tone: 'plain' }
  if (/已结案|已撤单|已并单|已处置|回访/.test(row.status)) return { text: dateTime(row.deadline), tone: 'plain' }
  if (row.paused || row.status === '待补充') return { text: '计时暂停', tone: 'plain' }
  const left = new Date(row.deadline).getTime() - now
  // The clock of a ticket that was not sent yet does not run.
  if (left < 0 && !row.overdue) return { text: dateTime(row.deadline), tone: 'plain' }
  if (left < 0) return { text: `超期 ${duration(left)}`, tone: 'bad' }
  return { text: `剩 ${duration(left)}`, tone: row.due_soon ? 'warn' : 'plain' }
}

export const percent = (value: number | null | undefined, digits = 0): string =>
  value === null || value === undefined ? '—' : `${(value * 100).toFixed(digits)}%`

export function bytes(n: number): string {
  return n < 1024 * 1024 ? `${Math.max(1, Math.round(n / 1024))} KB` : `${(n / 1024 / 1024).toFixed(1)} MB`
}

/** 北京市 市辖区 海淀区 清河街道: only what tells places of one city apart. */
export const placeOf = (names: string[]): string => names.slice(1).filter((name) => name !== '市辖区' && name !== '县').join('')

/** Category and what lies below it: 环境保护 · 环境污染. */
export const categoryOf = (row: { category: string; category_2?: string | null }): string =>
  row.category_2 ? `${row.category} · ${row.category_2}` : row.category
