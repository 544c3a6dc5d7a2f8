// The form of each command: what is asked, and the key that opens it.

export interface Ask {
  name: string
  label: string
  kind: 'text' | 'area' | 'number' | 'department' | 'yesno' | 'stars' | 'reason' | 'ticket'
  required?: boolean
  /** Common answers, taken over with a click. */
  presets?: string[]
  hint?: string
  initial?: unknown
  /** Shown only when another answer has this value. */
  when?: [name: string, value: unknown]
}

export interface Form {
  /** Opens the form on the ticket page. */
  key?: string
  /** What the command does, for those who do it the first time. */
  says?: string
  asks: Ask[]
  /** Said when it is done. */
  done: string
  /** The ticket is off one's desk then, so the next one is offered. */
  leaves?: boolean
}

const why = (label: string, presets: string[], required = true): Ask => ({ name: 'why', label, kind: 'area', required, presets })

export const FORMS: Record<string, Form> = {
  dispatch: { key: 'd', asks: [], done: '已派单', leaves: true },
  sign: { key: 's', asks: [], done: '已签收' },
  refuse: {
    key: 'r', says: '退回派单人，由其改派。请写清依据，方便一次派准。', done: '已退单', leaves: true,
    asks: [
      why('退单理由', ['不属于本单位职责，依据：', '地点不在本辖区，应为：', '同一事项已另案办理，编号：']),
      { name: 'suggest', label: '建议承办单位', kind: 'department' },
    ],
  },
  ask_caller: {
    key: 'q', says: '等市民补充期间时限暂停。', done: '已转待补充，时限暂停', leaves: true,
    asks: [{ name: 'what', label: '需要市民补充什么', kind: 'area', required: true, presets: ['具体地点（路名、小区、楼号）', '联系电话', '发生时间', '涉及单位的名称'] }],
  },
  supplement: { key: 'p', done: '已补充，时限继续', asks: [{ name: 'text', label: '市民补充了什么', kind: 'area', required: true }] },
  ask_extension: {
    key: 'y', done: '已申请延期，等班长批准',
    asks: [
      { name: 'days', label: '延长几天', kind: 'number', required: true, initial: 5, hint: '工作日' },
      why('延期理由', ['需多部门会商', '需现场施工，工期较长', '等待检测结果']),
    ],
  },
  grant_extension: { key: 'v', done: '已同意延期', asks: [why('说明（可不填）', [], false)] },
  deny_extension: { key: 'l', done: '已答复不同意延期', asks: [why('不同意的理由', ['理由不充分', '应先行答复市民进展'])] },
  answer: {
    key: 'a', says: '现场照片、文书等请先在“附件”里添加。', done: '已办结答复', leaves: true,
    asks: [
      { name: 'handling', label: '办理情况（内部）', kind: 'area', required: true, hint: '什么时候、谁、做了什么' },
      { name: 'reply', label: '公开答复（给市民看）', kind: 'area', required: true, hint: '不要写他人姓名、电话' },
      { name: 'solved', label: '诉求解决了吗', kind: 'yesno', required: true, initial: true },
      { name: 'reason', label: '未解决原因', kind: 'reason', required: true, when: ['solved', false] },
    ],
  },
  answer_directly: {
    key: 'a', says: '咨询可当场答复，不派单。', done: '已直接答复', leaves: true,
    asks: [{ name: 'reply', label: '答复', kind: 'area', required: true }],
  },
  follow_up: {
    key: 'f', says: '按市民的回答填写，用来算三率。', done: '已记录回访', leaves: true,
    asks: [
      { name: 'reached', label: '联系上市民了吗', kind: 'yesno', required: true, initial: true },
      { name: 'responded', label: '承办单位联系过市民吗（响应）', kind: 'yesno', required: true, initial: true, when: ['reached', true] },
      { name: 'solved', label: '诉求解决了吗', kind: 'yesno', required: true, initial: true, when: ['reached', true] },
      { name: 'satisfied', label: '满意程度', kind: 'stars', required: true, initial: 5, when: ['reached', true] },
      { name: 'words', label: '市民原话（可不填）', kind: 'area' },
    ],
  },
  redo: { key: 'o', done: '已重办', leaves: true, asks: [why('重办理由', ['市民反映未解决', '答复与事实不符', '承办单位没有联系市民'])] },
  close: { key: 'c', done: '已结案', leaves: true, asks: [why('说明（可不填）', [], false)] },
  supervise: { key: 'w', done: '已督办', asks: [why('督办理由', ['临近时限未处置', '反复投诉', '影响面大'])] },
  remind: { key: 'h', done: '已催办', asks: [why('催办说明（可不填）', ['请尽快联系市民', '时限将到'], false)] },
  add_department: {
    key: 'i', done: '已加派',
    asks: [{ name: 'department', label: '加派给', kind: 'department', required: true }, why('理由（可不填）', [], false)],
  },
  merge: { key: 'm', says: '本单并入另一件后不再单独办理。', done: '已并单', leaves: true, asks: [{ name: 'into', label: '并入的工单编号', kind: 'ticket', required: true }] },
  withdraw: { key: 'x', done: '已撤单', leaves: true, asks: [why('撤单理由', ['市民要求撤销', '重复来电', '误拨'])] },
  note: { key: 'n', done: '已记下', asks: [{ name: 'text', label: '备注', kind: 'area', required: true }] },
}
