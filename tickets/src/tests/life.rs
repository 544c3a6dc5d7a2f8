//! The life of a ticket: every state against every move, and the stories that lead through them.

use super::*;

const DEPARTMENTS: [&str; 2] = ["区水务局", "区民政局"];

/// A ticket that only lives in memory, and what is known about its city.
struct Desk {
    ticket: Ticket,
    now: Timestamp,
}

impl Desk {
    fn new(status: Status) -> Desk {
        let mut fields = fields("井盖丢了");
        fields.deadline = Some("2026-03-05T18:00:00+08:00".to_owned());
        let event =
            Event::Opened { call: "c".to_owned(), matter: 0, status, fields: Box::new(fields) };
        let record = Record { v: RECORD_VERSION, at: at(), by: "hotline".to_owned(), event };
        let id = TicketId { day: 20260302, counter: 1 };
        Desk { ticket: Ticket::from_records(id, vec![record]).unwrap(), now: at() }
    }

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejected> {
        let departments = DEPARTMENTS.map(str::to_owned);
        let categories = ["城乡建设".to_owned(), "民政".to_owned()];
        self.ticket.decide(command, known(&departments, &categories), self.now)
    }

    #[track_caller]
    fn then(&mut self, command: Command) -> &mut Desk {
        let events = self.decide(command.clone()).unwrap_or_else(|no| panic!("{command:?}: {no}"));
        for event in events {
            let by = "小李".to_owned();
            self.ticket.apply(Record { v: RECORD_VERSION, at: self.now, by, event });
        }
        self
    }

    #[track_caller]
    fn refused(&mut self, command: Command, en: &str, zh: &str) -> &mut Desk {
        let no = self.decide(command.clone()).expect_err("it is refused");
        assert!(no.en.contains(en) && no.zh.contains(zh), "{command:?}: {no:?}");
        self
    }

    #[track_caller]
    fn is(&mut self, status: Status) -> &mut Desk {
        assert_eq!(self.ticket.status, status);
        self
    }

    #[track_caller]
    fn due(&mut self, moment: &str) -> &mut Desk {
        assert_eq!(self.ticket.fields.deadline.as_deref(), Some(moment));
        self
    }

    fn at(&mut self, moment: &str) -> &mut Desk {
        self.now = format!("{moment}:00+08:00").parse().unwrap();
        self
    }
}

fn text() -> String {
    "如实说明".to_owned()
}

/// One command of every kind, well-formed.
fn command(kind: Move) -> Command {
    match kind {
        Move::Correct => correct("title", "新的标题"),
        Move::CorrectTranscript => Command::CorrectTranscript {
            utterance: 0,
            from: "甲".to_owned(),
            to: "乙".to_owned(),
            why: text(),
        },
        Move::Dispatch => dispatch(Some("区民政局")),
        Move::AddDepartment => {
            Command::AddDepartment { department: "区民政局".to_owned(), why: text() }
        }
        Move::Sign => Command::Sign,
        Move::Refuse => Command::Refuse { why: text(), suggest: None },
        Move::AskCaller => Command::AskCaller { what: text() },
        Move::Supplement => Command::Supplement { text: text() },
        Move::AskExtension => Command::AskExtension { days: 2, why: text() },
        Move::GrantExtension => Command::GrantExtension { why: text() },
        Move::DenyExtension => Command::DenyExtension { why: text() },
        Move::Answer => {
            Command::Answer { handling: text(), reply: text(), solved: true, reason: None }
        }
        Move::AnswerDirectly => Command::AnswerDirectly { reply: text(), knowledge: None },
        Move::FollowUp => follow_up(true, true, 5),
        Move::Redo => Command::Redo { why: text() },
        Move::Close => Command::Close { why: text() },
        Move::Supervise => Command::Supervise { why: text() },
        Move::Remind => Command::Remind { why: text() },
        Move::Merge => Command::Merge { into: TicketId { day: 20260302, counter: 2 } },
        Move::Withdraw => Command::Withdraw { why: text() },
        Move::Attach => Command::Attach(Attachment {
            name: "现场.jpg".to_owned(),
            sha256: "0".repeat(64),
            bytes: 1,
            media_type: "image/jpeg".to_owned(),
        }),
        Move::Note => Command::Note { text: text() },
        Move::Reveal => Command::Reveal { what: "phone".to_owned(), why: text() },
    }
}

fn follow_up(reached: bool, solved: bool, satisfied: u8) -> Command {
    Command::FollowUp { reached, responded: true, solved, satisfied, words: String::new() }
}

/// A ticket in each state, reached by the moves that lead there.
fn in_state(status: Status) -> Desk {
    let mut desk = Desk::new(Status::Review);
    let to_handling = |desk: &mut Desk| {
        desk.then(dispatch(None)).then(Command::Sign);
    };
    match status {
        Status::Review => {}
        Status::Accepted => {
            desk.then(dispatch(None)).then(command(Move::Refuse));
        }
        Status::Dispatched => {
            desk.then(dispatch(None));
        }
        Status::Incomplete => {
            desk.then(command(Move::AskCaller));
        }
        Status::Handling => to_handling(&mut desk),
        Status::Answered => {
            to_handling(&mut desk);
            desk.then(command(Move::Answer));
        }
        Status::FollowedUp => {
            to_handling(&mut desk);
            desk.then(command(Move::Answer)).then(command(Move::FollowUp));
        }
        Status::Escalated => {
            for _ in 0..3 {
                desk.then(dispatch(None)).then(command(Move::Refuse));
            }
        }
        Status::Closed => {
            to_handling(&mut desk);
            for kind in [Move::Answer, Move::FollowUp, Move::Close] {
                desk.then(command(kind));
            }
        }
        Status::Merged => {
            desk.then(command(Move::Merge));
        }
        Status::Withdrawn => {
            desk.then(command(Move::Withdraw));
        }
    }
    desk.is(status);
    desk
}

/// The table as people of the trade would draw it. A column a state, a letter what happens: the
/// state that follows, `.` stays, `-` refused.
///
/// D 已派遣 I 待补充 R 待复核 A 待派遣 H 处置中 N 待回访 F 已回访 E 待督办 C 已结案 M 已并单 W 已撤单
const TABLE: &str = "
                   D I R A H N F E C M W
correct            . . . . . . . . . - -
correct_transcript . . . . . . . . . . .
dispatch           . D D D - - - D - - -
add_department     . - - - . - - - - - -
sign               H - - - - - - - - - -
refuse             A - - - - - - - - - -
ask_caller         I - I I I - - - - - -
supplement         - R - - - - - - - - -
ask_extension      - - - - . - - - - - -
grant_extension    - - - - - - - - - - -
deny_extension     - - - - - - - - - - -
answer             - - - - N - - - - - -
answer_directly    - - - - - - - - - - -
follow_up          - - - - - F - - - - -
redo               - - - - - - D - D - -
close              - - - - - - C - - - -
supervise          . . . . . . . . - - -
remind             . - - - . - - - - - -
merge              M M M M M - - M - - -
withdraw           W W W W W W W W - - -
attach             . . . . . . . . - - -
note               . . . . . . . . . . .
reveal             . . . . . . . . . . .
";

#[test]
fn every_move_in_every_state_does_what_the_table_says() {
    let letters = "DIRAHNFECMW";
    let mut lines = TABLE.trim_start_matches('\n').lines();
    assert_eq!(lines.next().unwrap().replace(' ', ""), letters);
    let mut seen = BTreeSet::new();
    for line in lines {
        let (name, cells) = line.split_once(' ').unwrap();
        let kind = Move::ALL.into_iter().find(|kind| kind.name() == name).unwrap();
        seen.insert(name);
        for (status, cell) in Status::ALL.into_iter().zip(cells.split_whitespace()) {
            let mut desk = in_state(status);
            let before = desk.ticket.clone();
            let allowed = may(&desk.ticket, kind).is_ok();
            match (cell, desk.decide(command(kind))) {
                ("-", Err(no)) => {
                    assert!(no.zh.chars().count() > 5 && no.en.len() > 10, "{no:?}");
                    assert_eq!(desk.ticket, before, "a refusal changes nothing");
                }
                ("-", Ok(_)) => panic!("{name} goes through in {}", status.name()),
                (cell, Err(no)) => panic!("{name} in {}: {no}, not {cell}", status.name()),
                (cell, Ok(_)) => {
                    assert!(allowed, "{name} in {}", status.name());
                    desk.then(command(kind));
                    let expect = match letters.find(cell) {
                        Some(at) => Status::ALL[at],
                        None => status,
                    };
                    assert_eq!(desk.ticket.status, expect, "{name} in {}", status.name());
                }
            }
        }
    }
    assert_eq!(seen.len(), Move::ALL.len(), "every move has its line");
}

#[test]
fn from_arrival_to_closure() {
    let mut desk = Desk::new(Status::Review);
    desk.at("2026-03-02T10:00")
        .then(dispatch(None))
        .is(Status::Dispatched)
        .due("2026-03-05T18:00:00+08:00")
        .at("2026-03-03T09:00")
        .then(Command::Sign)
        .at("2026-03-04T16:00")
        .then(command(Move::Answer))
        .then(follow_up(true, true, 5))
        .then(Command::Close { why: String::new() })
        .is(Status::Closed);
    let life = &desk.ticket.life;
    assert_eq!(life.first.as_deref(), Some("区水务局"));
    assert!(life.signed_at < life.answered_at && life.ended_at.is_some());
}

#[test]
fn a_clock_starts_at_dispatch_and_stands_still_while_the_caller_must_tell_more() {
    let mut desk = Desk::new(Status::Review);
    desk.at("2026-03-02T10:00")
        .then(command(Move::AskCaller))
        .at("2026-03-10T10:00")
        .then(command(Move::Supplement))
        .is(Status::Review)
        .due("2026-03-05T18:00:00+08:00")
        .then(dispatch(None))
        .due("2026-03-13T18:00:00+08:00")
        .then(Command::Sign)
        .at("2026-03-11T10:00")
        .then(command(Move::AskCaller))
        .is(Status::Incomplete);
    assert!(!desk.ticket.is_overdue("2026-04-01T00:00:00Z".parse().unwrap()), "it stands still");
    desk.at("2026-03-18T10:00")
        .then(command(Move::Supplement))
        .is(Status::Handling)
        .due("2026-03-20T18:00:00+08:00");
    assert!(desk.ticket.is_overdue("2026-03-20T11:00:00Z".parse().unwrap()));
    assert!(!desk.ticket.is_overdue("2026-03-20T09:00:00Z".parse().unwrap()));
}

#[test]
fn three_refusals_reach_a_supervisor_and_the_first_receiver_stays_responsible() {
    let mut desk = Desk::new(Status::Review);
    let refuse = |suggest: Option<&str>| Command::Refuse {
        why: "不属于我单位职责".to_owned(),
        suggest: suggest.map(str::to_owned),
    };
    desk.at("2026-03-02T10:00").then(dispatch(None)).then(refuse(Some("区民政局")));
    assert_eq!(desk.ticket.proposed().as_deref(), Some("区民政局"), "whom it named");
    desk.is(Status::Accepted).at("2026-03-04T10:00").then(dispatch(None));
    assert_eq!(desk.ticket.fields.department.as_deref(), Some("区民政局"));
    desk.due("2026-03-09T18:00:00+08:00").then(refuse(None)).is(Status::Accepted);
    // Back to the one that refused: its clock goes on, and gaming it gains nothing.
    desk.at("2026-03-06T10:00").then(dispatch(None)).due("2026-03-09T18:00:00+08:00");
    desk.then(refuse(None)).is(Status::Escalated);
    assert_eq!(desk.ticket.proposed().as_deref(), Some("区水务局"), "首接负责");
    desk.then(Command::Supervise { why: text() }).is(Status::Escalated);
    desk.then(dispatch(None)).is(Status::Dispatched);
    assert!(desk.ticket.life.supervised);
    assert_eq!(desk.ticket.fields.department.as_deref(), Some("区水务局"));
}

#[test]
fn three_redos_reach_a_supervisor() {
    let mut desk = Desk::new(Status::Review);
    desk.then(dispatch(None));
    for round in 1..=3 {
        desk.then(Command::Sign).then(command(Move::Answer)).then(follow_up(true, false, 1));
        desk.refused(Command::Close { why: String::new() }, "not content", "不满意");
        desk.then(command(Move::Redo));
        assert_eq!(desk.ticket.life.redos, round);
        desk.is(if round < 3 { Status::Dispatched } else { Status::Escalated });
    }
}

#[test]
fn more_time_is_asked_for_granted_once_and_denied() {
    let mut desk = Desk::new(Status::Review);
    let ask = |days| Command::AskExtension { days, why: text() };
    desk.at("2026-03-02T10:00").then(dispatch(None)).then(Command::Sign);
    desk.refused(ask(6), "1 to 5 working days", "1 到 5");
    desk.refused(command(Move::GrantExtension), "no extension is asked", "没有待批");
    desk.then(ask(2)).refused(ask(1), "asked for already", "已经申请过");
    desk.then(Command::DenyExtension { why: text() }).due("2026-03-05T18:00:00+08:00");
    desk.then(ask(2)).then(command(Move::GrantExtension)).due("2026-03-09T18:00:00+08:00");
    desk.refused(ask(1), "given 1 times already", "不能再延期");
}

#[test]
fn helpers_are_added_and_have_the_ticket_too() {
    let mut desk = Desk::new(Status::Review);
    desk.then(Command::Dispatch {
        to: None, co: vec!["区民政局".to_owned()], why: String::new()
    });
    assert!(desk.ticket.has("区民政局") && desk.ticket.has("区水务局"));
    assert!(!desk.ticket.has("区园林局"));
    desk.refused(command(Move::AddDepartment), "has the ticket already", "已经在办理");
    // A helper that comes to lead is no helper any more.
    desk.then(dispatch(Some("区民政局")));
    assert_eq!(desk.ticket.life.co, [""; 0]);
}

#[test]
fn questions_are_answered_on_the_spot_and_complaints_are_not() {
    let mut desk = Desk::new(Status::Review);
    desk.refused(command(Move::AnswerDirectly), "needs a department", "需要派给部门");
    desk.then(correct("type", "咨询")).then(command(Move::AnswerDirectly)).is(Status::Closed);
    assert!(desk.ticket.life.answer.as_ref().unwrap().solved);
}

#[test]
fn a_caller_who_cannot_be_reached_is_tried_three_times() {
    let mut desk = Desk::new(Status::Review);
    desk.then(dispatch(None)).then(Command::Sign).then(command(Move::Answer));
    for tried in 0..3 {
        let text = format!("tried {tried} times");
        desk.refused(Command::Close { why: text.clone() }, &text, "还没有回访到");
        desk.then(follow_up(false, false, 0)).is(Status::Answered);
    }
    desk.then(Command::Close { why: "三次未接通".to_owned() }).is(Status::Closed);
}

#[test]
fn what_is_said_is_checked() {
    let mut desk = Desk::new(Status::Review);
    let empty = || " ".to_owned();
    desk.refused(Command::AskCaller { what: empty() }, "words are missing", "请填写");
    desk.refused(Command::Withdraw { why: empty() }, "words are missing", "请填写");
    desk.refused(dispatch(Some("区园林局")), "unknown department", "没有这个部门");
    desk.then(dispatch(None)).refused(dispatch(None), "already", "已经在");
    desk.refused(Command::Refuse { why: empty(), suggest: None }, "words", "请填写");
    desk.refused(
        Command::Refuse { why: text(), suggest: Some("天上".to_owned()) },
        "unknown department",
        "没有这个部门",
    );
    desk.then(Command::Sign);
    let unsolved = Command::Answer { handling: text(), reply: text(), solved: false, reason: None };
    desk.refused(unsolved, "needs its reason", "未解决原因");
    desk.then(command(Move::Answer));
    desk.refused(follow_up(true, true, 0), "1 to 5", "1 到 5");
    let own = desk.ticket.id;
    let mut open = Desk::new(Status::Review);
    open.refused(Command::Merge { into: own }, "into itself", "自己");
}

#[test]
fn reminders_come_once_before_and_once_after_the_deadline() {
    let mut desk = Desk::new(Status::Review);
    desk.at("2026-03-02T10:00");
    let remind = |desk: &mut Desk, moment: &str| {
        desk.at(moment);
        let event = desk.ticket.remind(policy(), desk.now)?;
        let record = Record { v: RECORD_VERSION, at: desk.now, by: "hotline".to_owned(), event };
        desk.ticket.apply(record.clone());
        let Event::Reminded { why } = record.event else { panic!("{record:?}") };
        Some(why)
    };
    assert_eq!(remind(&mut desk, "2026-03-09T10:00"), None, "no clock runs before dispatch");
    desk.at("2026-03-09T10:00").then(dispatch(None)).due("2026-03-12T18:00:00+08:00");
    assert_eq!(remind(&mut desk, "2026-03-10T10:00"), None);
    assert_eq!(remind(&mut desk, "2026-03-12T09:00").as_deref(), Some("办理时限将至"));
    assert_eq!(remind(&mut desk, "2026-03-12T10:00"), None);
    assert_eq!(remind(&mut desk, "2026-03-12T18:01").as_deref(), Some("已超过办理时限"));
    assert_eq!(remind(&mut desk, "2026-03-14T10:00"), None);
}

#[test]
fn merging_tells_the_ticket_that_goes_on() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let ids = take(&store, 1, 3).tickets;
    execute(&store, ids[0], Command::Merge { into: ids[1] }).unwrap();
    let merged = store.ticket(ids[0]).unwrap();
    let goes_on = store.ticket(ids[1]).unwrap();
    assert_eq!((merged.status, merged.life.merged_into), (Status::Merged, Some(ids[1])));
    assert_eq!(goes_on.life.absorbed, [ids[0]]);
    // Not into one that ended, and not into one that is not there.
    let error = execute(&store, ids[2], Command::Merge { into: ids[0] }).unwrap_err();
    assert!(error.to_string().contains("merge into one that is open"), "{error}");
    let nobody = TicketId { day: 20260302, counter: 99 };
    assert!(execute(&store, ids[2], Command::Merge { into: nobody }).is_err());
    assert_eq!(store.ticket(ids[2]).unwrap().version, 1, "nothing happened");
    assert_eq!(store.check().unwrap().findings, []);
}

#[test]
fn an_edit_of_an_old_version_is_a_conflict() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    let edit = |version, title: &str| {
        store.execute(
            id,
            Some(version),
            vec![correct("title", title)],
            known(&[], &[]),
            "小王",
            at(),
        )
    };
    assert_eq!(edit(1, "甲").unwrap().version, 2);
    assert!(matches!(edit(1, "乙"), Err(Error::Conflict { .. })));
    assert_eq!(store.ticket(id).unwrap().fields.title, "甲");
    // All or none: the second of two commands is refused, the first leaves nothing.
    let both = vec![correct("title", "丙"), Command::Sign];
    assert!(store.execute(id, Some(2), both, known(&[], &[]), "小王", at()).is_err());
    assert_eq!(store.ticket(id).unwrap().version, 2);
}

#[test]
fn a_ticket_opened_by_hand_is_a_ticket_like_others() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = seen.clone();
    store.watch(move |ticket: &Ticket| told.lock().unwrap().push((ticket.id, ticket.version)));
    let ticket = store.open_by_hand(&fields("路灯不亮"), "小李", at(), "test").unwrap();
    assert_eq!(ticket.status, Status::Accepted);
    execute(&store, ticket.id, dispatch(None)).unwrap();
    assert_eq!(*seen.lock().unwrap(), [(ticket.id, 1), (ticket.id, 2)]);
    assert!(!store.call(&ticket.call).unwrap().unwrap().has_sound());
    let sha256 = store.files().put_attachment(b"picture").unwrap();
    let attachment = Attachment {
        name: "现场.jpg".to_owned(),
        sha256,
        bytes: 7,
        media_type: "image/jpeg".to_owned(),
    };
    execute(&store, ticket.id, Command::Attach(attachment)).unwrap();
    assert_eq!(store.check().unwrap().findings, []);
    assert_eq!(store.tickets(&Filter::default()).unwrap().len(), 1);
    // And it survives a backup with its file.
    let mut backup = Vec::new();
    store.export_full(&mut backup, Path::new("backup"), "小李", at()).unwrap();
    let other = TempDir::new().unwrap();
    let copy = open(&other);
    copy.import(BufReader::new(&backup[..]), &mut |_| {}).unwrap();
    assert_eq!(copy.ticket(ticket.id).unwrap(), store.ticket(ticket.id).unwrap());
    assert_eq!(copy.check().unwrap().findings, []);
}

#[test]
fn what_belongs_to_one_department_does_not_go_on_to_the_next() {
    let mut desk = Desk::new(Status::Review);
    desk.at("2026-03-02T10:00").then(dispatch(None)).then(Command::Sign);
    desk.then(command(Move::AskExtension)).then(command(Move::AskCaller));
    desk.then(dispatch(Some("区民政局")));
    assert_eq!(desk.ticket.life.extension, None, "the other one asked for it");
    // To the same department out of a pause: what was left, and no new clock.
    let mut desk = Desk::new(Status::Review);
    desk.at("2026-03-02T10:00").then(dispatch(None)).due("2026-03-05T18:00:00+08:00");
    desk.at("2026-03-04T10:00").then(command(Move::AskCaller));
    desk.at("2026-03-16T10:00").then(dispatch(None)).due("2026-03-17T18:00:00+08:00");
    // A deadline that somebody moved is reminded of again.
    desk.ticket.life.warned = (true, true);
    desk.then(correct("deadline", "2026-03-30T18:00:00+08:00"));
    assert_eq!(desk.ticket.life.warned, (false, false));
}
