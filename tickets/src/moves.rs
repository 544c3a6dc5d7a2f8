//! Which moves there are, and which state each is open in: a table, and the few conditions beside it.

use serde::Serialize;

use crate::Command;
use crate::event::Status;
use crate::ticket::{Rejected, Ticket};

/// A kind of command, for tables and menus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named as the command that it is the kind of")]
pub enum Move {
    Correct,
    CorrectTranscript,
    Dispatch,
    AddDepartment,
    Sign,
    Refuse,
    AskCaller,
    Supplement,
    AskExtension,
    GrantExtension,
    DenyExtension,
    Answer,
    AnswerDirectly,
    FollowUp,
    Redo,
    Close,
    Supervise,
    Remind,
    Merge,
    Withdraw,
    Attach,
    Note,
    Reveal,
}

const OPEN: &[Status] = &[
    Status::Dispatched,
    Status::Incomplete,
    Status::Review,
    Status::Accepted,
    Status::Handling,
    Status::Answered,
    Status::FollowedUp,
    Status::Escalated,
];

impl Move {
    /// All of them, in the order of a ticket's life.
    pub const ALL: [Move; 23] = [
        Move::Correct,
        Move::CorrectTranscript,
        Move::Dispatch,
        Move::AnswerDirectly,
        Move::Sign,
        Move::Refuse,
        Move::Answer,
        Move::FollowUp,
        Move::Close,
        Move::Redo,
        Move::AskCaller,
        Move::Supplement,
        Move::AddDepartment,
        Move::AskExtension,
        Move::GrantExtension,
        Move::DenyExtension,
        Move::Supervise,
        Move::Remind,
        Move::Merge,
        Move::Withdraw,
        Move::Attach,
        Move::Note,
        Move::Reveal,
    ];

    /// Serialised name of the command.
    pub fn name(self) -> &'static str {
        match self {
            Move::Correct => "correct",
            Move::CorrectTranscript => "correct_transcript",
            Move::Dispatch => "dispatch",
            Move::AddDepartment => "add_department",
            Move::Sign => "sign",
            Move::Refuse => "refuse",
            Move::AskCaller => "ask_caller",
            Move::Supplement => "supplement",
            Move::AskExtension => "ask_extension",
            Move::GrantExtension => "grant_extension",
            Move::DenyExtension => "deny_extension",
            Move::Answer => "answer",
            Move::AnswerDirectly => "answer_directly",
            Move::FollowUp => "follow_up",
            Move::Redo => "redo",
            Move::Close => "close",
            Move::Supervise => "supervise",
            Move::Remind => "remind",
            Move::Merge => "merge",
            Move::Withdraw => "withdraw",
            Move::Attach => "attach",
            Move::Note => "note",
            Move::Reveal => "reveal",
        }
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Move::Correct => "更正",
            Move::CorrectTranscript => "更正转写",
            Move::Dispatch => "派单",
            Move::AddDepartment => "加派",
            Move::Sign => "签收",
            Move::Refuse => "退单",
            Move::AskCaller => "请市民补充",
            Move::Supplement => "补充",
            Move::AskExtension => "申请延期",
            Move::GrantExtension => "同意延期",
            Move::DenyExtension => "不同意延期",
            Move::Answer => "办结答复",
            Move::AnswerDirectly => "直接答复",
            Move::FollowUp => "回访",
            Move::Redo => "重办",
            Move::Close => "结案",
            Move::Supervise => "督办",
            Move::Remind => "催办",
            Move::Merge => "并单",
            Move::Withdraw => "撤单",
            Move::Attach => "添加附件",
            Move::Note => "备注",
            Move::Reveal => "查看",
        }
    }

    /// The states that it is open in.
    pub fn from(self) -> &'static [Status] {
        use Status::*;
        match self {
            Move::Correct => &[
                Dispatched, Incomplete, Review, Accepted, Handling, Answered, FollowedUp,
                Escalated, Closed,
            ],
            Move::CorrectTranscript | Move::Note | Move::Reveal => &Status::ALL,
            Move::Dispatch => &[Review, Incomplete, Accepted, Dispatched, Escalated],
            Move::AddDepartment | Move::Remind => &[Dispatched, Handling],
            Move::Sign | Move::Refuse => &[Dispatched],
            Move::AskCaller => &[Review, Accepted, Dispatched, Handling],
            Move::Supplement => &[Incomplete],
            Move::AskExtension | Move::Answer => &[Handling],
            Move::GrantExtension | Move::DenyExtension => &[Handling],
            Move::AnswerDirectly => &[Review, Incomplete, Accepted],
            Move::FollowUp => &[Answered],
            Move::Redo => &[FollowedUp, Closed],
            Move::Close => &[FollowedUp, Answered],
            Move::Supervise | Move::Attach | Move::Withdraw => OPEN,
            Move::Merge => &[Dispatched, Incomplete, Review, Accepted, Handling, Escalated],
        }
    }
}

impl Command {
    /// Its kind.
    pub fn kind(&self) -> Move {
        match self {
            Command::Correct { .. } => Move::Correct,
            Command::CorrectTranscript { .. } => Move::CorrectTranscript,
            Command::Dispatch { .. } => Move::Dispatch,
            Command::AddDepartment { .. } => Move::AddDepartment,
            Command::Sign => Move::Sign,
            Command::Refuse { .. } => Move::Refuse,
            Command::AskCaller { .. } => Move::AskCaller,
            Command::Supplement { .. } => Move::Supplement,
            Command::AskExtension { .. } => Move::AskExtension,
            Command::GrantExtension { .. } => Move::GrantExtension,
            Command::DenyExtension { .. } => Move::DenyExtension,
            Command::Answer { .. } => Move::Answer,
            Command::AnswerDirectly { .. } => Move::AnswerDirectly,
            Command::FollowUp { .. } => Move::FollowUp,
            Command::Redo { .. } => Move::Redo,
            Command::Close { .. } => Move::Close,
            Command::Supervise { .. } => Move::Supervise,
            Command::Remind { .. } => Move::Remind,
            Command::Merge { .. } => Move::Merge,
            Command::Withdraw { .. } => Move::Withdraw,
            Command::Attach(_) => Move::Attach,
            Command::Note { .. } => Move::Note,
            Command::Reveal { .. } => Move::Reveal,
        }
    }
}

/// Whether a kind of command is open to a ticket as it stands, whatever the command says.
///
/// # Errors
/// Why not, with the remedy.
pub fn may(ticket: &Ticket, kind: Move) -> Result<(), Rejected> {
    let life = &ticket.life;
    if !kind.from().contains(&ticket.status) {
        return Rejected::refuse(
            format!(
                "{} is not possible: the ticket is {}; it must be one of {}",
                kind.name(),
                ticket.status.name(),
                names(kind.from(), ", ")
            ),
            format!(
                "工单现在是「{}」，只有「{}」的工单可以{}",
                ticket.status.name(),
                names(kind.from(), "」「"),
                kind.label()
            ),
        );
    }
    match kind {
        Move::AskExtension if life.extension.is_some() => Rejected::refuse(
            "an extension is asked for already; a supervisor decides on it",
            "已经申请过延期，等待班长批复",
        ),
        Move::GrantExtension | Move::DenyExtension if life.extension.is_none() => {
            Rejected::refuse("no extension is asked for", "没有待批的延期申请")
        }
        Move::AnswerDirectly
            if !matches!(ticket.fields.request_type.as_str(), "咨询" | "表扬" | "建议") =>
        {
            Rejected::refuse(
                format!(
                    "a ticket of type {} needs a department; only 咨询, 建议 and 表扬 are answered directly",
                    ticket.fields.request_type
                ),
                format!(
                    "「{}」需要派给部门办理，只有咨询、建议、表扬可以直接答复",
                    ticket.fields.request_type
                ),
            )
        }
        _ => Ok(()),
    }
}

fn names(states: &[Status], between: &str) -> String {
    states.iter().map(|status| status.name()).collect::<Vec<_>>().join(between)
}
