// What the charts of the boards show, apart from how they are laid out.
import type { ChartRow } from './Chart.vue'
import type { Board } from '@/types'
import { day, dayAfter } from '@/words'

/** Makes the address of the tickets behind a number. */
export type Drill = (filters?: Record<string, string>) => string

export interface Drawing {
  title: string
  says: string
  option: Record<string, unknown>
  head: string[]
  rows: ChartRow[]
  height?: number
  rowOf?: (mark: { dataIndex: number; value: unknown }) => ChartRow | undefined
}

export const WEEKDAYS = ['周一', '周二', '周三', '周四', '周五', '周六', '周日']

const AXIS = { axisLine: { lineStyle: { color: '#858f9f' } }, axisLabel: { color: '#515b6b' }, axisTick: { show: false } }
const VALUES = { type: 'value', minInterval: 1, axisLabel: { color: '#515b6b' }, splitLine: { lineStyle: { color: '#e9ecf1' } } }
const TIP = { trigger: 'axis', axisPointer: { type: 'shadow' }, renderMode: 'richText', confine: true }

const most = (items: { name: string; n: number }[]) => items[0] ? `最多的是${items[0].name}，${items[0].n} 件` : '没有工单'

/** Lying bars, the longest on top. */
function bars(title: string, items: { name: string; n: number }[], drill: (name: string) => string, limit = 12): Drawing {
  const sorted = [...items].sort((a, b) => b.n - a.n)
  const shown = sorted.slice(0, limit)
  return {
    title: items.length > limit ? `${title}（前 ${limit}）` : title,
    says: most(sorted),
    head: ['名称', '件数'],
    rows: sorted.map((item) => ({ cells: [item.name, item.n], to: drill(item.name) })),
    height: Math.max(160, shown.length * 24 + 30),
    option: {
      tooltip: TIP,
      grid: { left: 4, right: 36, top: 4, bottom: 4, containLabel: true },
      xAxis: { ...VALUES, show: false },
      yAxis: { type: 'category', inverse: true, data: shown.map((item) => item.name), ...AXIS, axisLabel: { color: '#1c2430', width: 150, overflow: 'truncate' } },
      series: [{ type: 'bar', name: '工单', data: shown.map((item) => item.n), barMaxWidth: 16, cursor: 'pointer', label: { show: true, position: 'right', color: '#1c2430' } }],
    },
  }
}

/** Every day of a period up to today, those without a ticket too: else the axis would leap over them. */
function daily(board: Board): Board['by_day'] {
  const known = new Map(board.by_day.map((one) => [one.day, one]))
  if (!board.by_day.length) return []
  const last = board.to < day() ? board.to : day()
  const all: Board['by_day'] = []
  for (let at = board.from; at <= last && all.length < 3660; at = dayAfter(at, 1)) all.push(known.get(at) ?? { day: at, n: 0, closed: 0 })
  return all
}

export function byDay(board: Board, drill: Drill): Drawing {
  const days = daily(board)
  const years = days[0]?.day.slice(0, 4) !== days.at(-1)?.day.slice(0, 4)
  const top = days.reduce((best, one) => (one.n > best.n ? one : best), { day: '', n: 0, closed: 0 })
  return {
    title: '每天',
    says: top.n ? `${days.length} 天，最多的是 ${top.day}，${top.n} 件` : '没有工单',
    head: ['日期', '来件', '已结案'],
    rows: days.map((one) => ({ cells: [one.day, one.n, one.closed], to: drill({ from: one.day, to: one.day }) })),
    option: {
      tooltip: TIP,
      legend: { top: 0, right: 0, itemHeight: 10 },
      grid: { left: 4, right: 12, top: 30, bottom: 4, containLabel: true },
      xAxis: { type: 'category', data: days.map((one) => one.day.slice(years ? 0 : 5)), ...AXIS },
      yAxis: VALUES,
      series: [
        { type: 'bar', name: '来件', data: days.map((one) => one.n), barMaxWidth: 28, cursor: 'pointer' },
        { type: 'line', name: '已结案', data: days.map((one) => one.closed), symbolSize: 5 },
      ],
    },
  }
}

export function byWeekdayHour(board: Board, drill: Drill): Drawing {
  const cells = board.by_weekday_hour.flatMap((hours, weekday) => hours.map((n, hour) => [hour, weekday, n] as [number, number, number]))
  const top = cells.reduce((best, one) => (one[2] > best[2] ? one : best), [0, 0, 0])
  const to = (weekday: number, hour: number) => drill({ weekday: String(weekday + 1), hour: String(hour) })
  return {
    title: '忙闲（星期 × 钟点）',
    says: top[2] ? `最忙的是${WEEKDAYS[top[1]]} ${top[0]} 点，${top[2]} 件` : '没有工单',
    head: ['时段', '件数'],
    rows: cells.filter((cell) => cell[2]).sort((a, b) => b[2] - a[2]).map(([hour, weekday, n]) => ({ cells: [`${WEEKDAYS[weekday]} ${hour} 点`, n], to: to(weekday, hour) })),
    rowOf: (mark) => {
      const [hour, weekday] = mark.value as [number, number, number]
      return { cells: [], to: to(weekday, hour) }
    },
    option: {
      tooltip: { renderMode: 'richText', confine: true, formatter: (mark: { value: number[] }) => `${WEEKDAYS[mark.value[1]!]} ${mark.value[0]} 点：${mark.value[2]} 件` },
      grid: { left: 4, right: 8, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: 'category', data: Array.from({ length: 24 }, (_, hour) => String(hour)), ...AXIS, splitArea: { show: true } },
      yAxis: { type: 'category', inverse: true, data: WEEKDAYS, ...AXIS },
      visualMap: { show: false, min: 0, max: Math.max(1, top[2]), inRange: { color: ['#f3f6fb', '#9db8e4', '#1d4e9e'] } },
      series: [{ type: 'heatmap', data: cells, cursor: 'pointer', itemStyle: { borderColor: '#fff', borderWidth: 1 } }],
    },
  }
}

export function byDepartment(board: Board, drill: Drill): Drawing {
  const sorted = [...board.by_department].filter((one) => one.open).sort((a, b) => b.open - a.open)
  const shown = sorted.slice(0, 12)
  return {
    title: sorted.length > 12 ? '各承办单位未结（前 12）' : '各承办单位未结',
    says: shown[0] ? `最多的是${shown[0].name}，未结 ${shown[0].open} 件，其中超期 ${shown[0].overdue} 件` : '没有未结的工单',
    head: ['承办单位', '未结', '其中超期'],
    rows: sorted.map((one) => ({ cells: [one.name, one.open, one.overdue], to: drill({ department: one.name, open: 'true' }) })),
    height: Math.max(160, shown.length * 24 + 40),
    option: {
      tooltip: TIP,
      legend: { top: 0, right: 0, itemHeight: 10 },
      color: ['#1d4e9e', '#b3261e'],
      grid: { left: 4, right: 16, top: 26, bottom: 4, containLabel: true },
      xAxis: VALUES,
      yAxis: { type: 'category', inverse: true, data: shown.map((one) => one.name), ...AXIS, axisLabel: { color: '#1c2430', width: 150, overflow: 'truncate' } },
      series: [
        { type: 'bar', stack: 'open', name: '时限内', data: shown.map((one) => one.open - one.overdue), barMaxWidth: 16, cursor: 'pointer' },
        // Hatched as well as red, so that it does not hang on colour.
        { type: 'bar', stack: 'open', name: '超期', data: shown.map((one) => one.overdue), barMaxWidth: 16, cursor: 'pointer', itemStyle: { decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: 0.8, color: 'rgba(255,255,255,.55)' } } },
      ],
    },
  }
}

export const byCategory = (board: Board, drill: Drill) => bars('各分类', board.by_category, (category) => drill({ category }))
export const byStreet = (board: Board, drill: Drill) => bars('各街道', board.by_street, (place) => drill({ place }))
