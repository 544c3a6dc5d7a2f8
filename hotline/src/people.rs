//! `hotline people`: who has an account, and a link for whoever cannot sign in.

use anyhow::anyhow;

use crate::call::load_city;
use crate::cli::{Global, PeopleAction};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::print_text;
use crate::table::Table;
use crate::take::open_store;

/// Lists accounts, or makes a one-time link.
///
/// # Errors
/// An unknown account, or a store that cannot be used.
pub fn run(
    global: &Global,
    setting: &Setting,
    action: Option<&PeopleAction>,
) -> anyhow::Result<u8> {
    let city = load_city(&setting.city)?;
    let store = open_store(setting, &city)?;
    if let Some(PeopleAction::Link { login }) = action {
        let person = store.person(login).or_exit(exit::STORE)?.filter(|person| person.active);
        let person = person.ok_or_else(|| {
            anyhow!("no account {login} that may sign in; `hotline people` lists them")
        })?;
        let token = desk::link(&store, &person.login).or_exit(exit::STORE)?;
        return print_text(&format!("/#/once/{token}\n"));
    }
    let people = store.people().or_exit(exit::STORE)?;
    if global.json {
        for person in &people {
            let json = serde_json::json!({
                "login": person.login, "name": person.name, "role": person.role,
                "department": person.department, "active": person.active,
                "created_at": tickets::written(person.created_at),
            });
            crate::print_json(&json)?;
        }
        return Ok(0);
    }
    let mut table = Table::new(&["账号", "姓名", "角色", "部门", "状态"]);
    for person in people {
        let state = match (person.active, person.password.is_some()) {
            (false, _) => "停用",
            (true, false) => "未设密码",
            (true, true) => "启用",
        };
        table.row([
            person.login,
            person.name,
            person.role.name().to_owned(),
            person.department.unwrap_or_default(),
            state.to_owned(),
        ]);
    }
    print_text(&table.to_string())
}
