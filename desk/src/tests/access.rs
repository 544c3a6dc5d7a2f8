//! Who may see and do what, and what browsers of strangers are refused.

use super::*;

#[tokio::test]
async fn nobody_sees_anything_without_signing_in() {
    let room = Room::new();
    let id = room.ids[0];
    for path in [
        "/api/me".to_owned(),
        "/api/tickets".to_owned(),
        format!("/api/tickets/{id}"),
        format!("/api/calls/{}", room.call),
        format!("/api/calls/{}/sound", room.call),
        "/api/boards".to_owned(),
        "/api/people".to_owned(),
        "/api/events".to_owned(),
        "/open311/v2/requests.json".to_owned(),
    ] {
        ask(&room.routes, request("GET", &path).body(Body::empty()).unwrap()).await.is(401);
    }
    // The console itself and the API's description hold nothing of callers.
    let page = ask(&room.routes, request("GET", "/").body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, 200);
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
    let description = request("GET", "/api/openapi.json").body(Body::empty()).unwrap();
    let description = ask(&room.routes, description).await.is(200).json();
    assert!(description["paths"].as_object().unwrap().len() > 30);
}

#[tokio::test]
async fn links_work_once_and_a_password_comes_first() {
    let room = Room::new();
    let token = room.desk.first_link(false).unwrap().unwrap();
    let browser = room.once(&token).await;
    browser.get("/api/tickets").await.is(403);
    browser.send("PUT", "/api/me/password", json!({ "new": "short" })).await.is(422);
    browser.send("PUT", "/api/me/password", json!({ "new": "aaaaaaaaaaaaaa" })).await.is(422);
    browser.send("PUT", "/api/me/password", json!({ "new": PASSWORD })).await.is(204);
    browser.get("/api/tickets").await.is(200);
    let again = json_body(request("POST", "/api/session/once"), &json!({ "token": token }));
    ask(&room.routes, again).await.is(401);
    assert_eq!(room.desk.first_link(false).unwrap(), None, "the first administrator is there");
    // A password changes only for whoever knows the old one, and signs everybody else out.
    let other = room.entered(room.sign_in("admin", PASSWORD).await.is(200));
    let change = json!({ "old": "wrong horse 123", "new": "another horse 12" });
    browser.send("PUT", "/api/me/password", change).await.is(422);
    let change = json!({ "old": PASSWORD, "new": "another horse 12" });
    browser.send("PUT", "/api/me/password", change).await.is(204);
    other.get("/api/me").await.is(401);
    browser.get("/api/me").await.is(200);
    browser.send("DELETE", "/api/session", json!({})).await.is(204);
    browser.get("/api/me").await.is(401);
}

#[tokio::test]
async fn signing_in_never_takes_a_planted_session_and_slows_guessing_down() {
    let room = Room::new();
    room.admin().await;
    // Session fixation: the cookie that a browser brings is not the one that it leaves with.
    let body = json!({ "login": "admin", "password": PASSWORD });
    let planted = request("POST", "/api/session").header(header::COOKIE, "session=planted");
    let answer = ask(&room.routes, json_body(planted, &body)).await.is(200);
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(!set.contains("planted"), "{set}");
    // Wrong accounts and wrong passwords are told alike.
    let wrong = room.sign_in("admin", "wrong horse 123").await.is(401).json();
    let nobody = room.sign_in("nobody", "wrong horse 123").await.is(401).json();
    assert_eq!(wrong, nobody);
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(room.sign_in("admin", "wrong horse 123").await.status.as_u16());
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    let waiting = room.sign_in("admin", PASSWORD).await.is(429);
    assert!(waiting.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn requests_of_other_sites_are_refused() {
    let room = Room::new();
    let admin = room.admin().await;
    let id = room.ids[0];
    let path = format!("/api/tickets/{id}/reveal");
    // Without the token that only our own page knows.
    let bare = request("POST", &path).header(header::COOKIE, &admin.cookie);
    ask(&room.routes, json_body(bare, &json!({ "why": "x" }))).await.is(403);
    let guessed = Browser { csrf: "guess".to_owned(), ..admin.clone() };
    guessed.send("POST", &path, json!({ "why": "x" })).await.is(403);
    // With it, but from a page of another site.
    let foreign = request("POST", &path)
        .header(header::COOKIE, &admin.cookie)
        .header("x-csrf-token", &admin.csrf)
        .header("sec-fetch-site", "cross-site");
    ask(&room.routes, json_body(foreign, &json!({ "why": "x" }))).await.is(403);
    let body = json!({ "login": "admin", "password": PASSWORD });
    let sign_in = request("POST", "/api/session").header("sec-fetch-site", "cross-site");
    ask(&room.routes, json_body(sign_in, &body)).await.is(403);
    // By a name that somebody made resolve to this machine.
    let rebound = Request::builder().uri("/api/me").header(header::HOST, "evil.example");
    ask(&room.routes, rebound.body(Body::empty()).unwrap()).await.is(421);
    for host in ["127.0.0.1:12345", "localhost", "[::1]:80"] {
        let request = Request::builder().uri("/api/me").header(header::HOST, host);
        ask(&room.routes, request.body(Body::empty()).unwrap()).await.is(401);
    }
}

#[tokio::test]
async fn another_departments_tickets_calls_and_files_are_not_there() {
    let room = Room::new();
    let admin = room.admin().await;
    let water = room.person(&admin, "water", "handler", Some(WATER)).await;
    // A call of their own, whose ticket is another department's.
    let call = put_call(&room.desk.store, room._dir.path(), 2);
    let new = NewCall { call, tickets: vec![(Status::Review, fields("殡葬补贴", CIVIL))] };
    let call = room.desk.store.take(&new, "hotline").unwrap();
    let (mine, theirs) = (room.ids[0], call.tickets[0]);
    water.get(&format!("/api/tickets/{mine}")).await.is(200);
    admin.upload(&format!("/api/tickets/{theirs}/attachments"), "a.txt", b"secret").await.is(201);
    for path in [
        format!("/api/tickets/{theirs}"),
        format!("/api/tickets/{theirs}/beside"),
        format!("/api/tickets/{theirs}/attachments/0"),
        format!("/api/calls/{}", call.sha256),
        format!("/api/calls/{}/sound", call.sha256),
        format!("/api/calls/{}/peaks", call.sha256),
        format!("/open311/v2/requests/{theirs}.json"),
    ] {
        water.get(&path).await.is(404);
        assert_eq!(admin.get(&path).await.status, 200, "{path}");
    }
    water.command(theirs, 1, json!({ "command": "note", "text": "x" })).await.is(404);
    water
        .send("POST", &format!("/api/tickets/{theirs}/reveal"), json!({ "why": "x" }))
        .await
        .is(404);
    let into = json!({ "command": "merge", "into": theirs });
    water.does(mine, into).await.is(403);
    let list = water.get("/api/tickets?q=%E6%AE%A1%E8%91%AC").await.is(200).json();
    assert_eq!(list["total"], 0);
    let list = water.get("/api/tickets").await.is(200).json();
    assert_eq!((&list["total"], &list["counts"]["all"]), (&json!(1), &json!(1)), "{list}");
    let path = format!("/open311/v2/requests.json?service_request_id={theirs}");
    assert_eq!(water.get(&path).await.is(200).json(), json!([]));
    // Their own call: without what tells who called, and never in full.
    let own = water.get(&format!("/api/calls/{}", room.call)).await.is(200);
    assert!(!String::from_utf8_lossy(&own.body).contains("13810001000"));
    for path in ["", "/sound", "/export"] {
        let path = format!("/api/calls/{}{path}?redact=false&why=x&form=json", room.call);
        water.get(&path).await.is(403);
    }
}

#[tokio::test]
async fn roles_end_where_they_end() {
    let room = Room::new();
    let admin = room.admin().await;
    let agent = room.person(&admin, "li", "agent", None).await;
    let water = room.person(&admin, "water", "handler", Some(WATER)).await;
    let chief = room.person(&admin, "chen", "supervisor", None).await;
    for path in
        ["/api/people", "/api/models", "/api/history?of=people", "/api/looks", "/api/boards"]
    {
        agent.get(path).await.is(403);
        water.get(path).await.is(403);
    }
    chief.get("/api/people").await.is(403);
    chief.get("/api/boards").await.is(200);
    water.get("/api/calls").await.is(403);
    let person = json!({ "login": "x", "name": "x", "role": "admin" });
    for browser in [&agent, &water, &chief] {
        browser.send("POST", "/api/people", person.clone()).await.is(403);
        browser.send("PUT", "/api/people/admin", person.clone()).await.is(403);
        browser.send("POST", "/api/people/admin/link", json!({})).await.is(403);
        browser
            .send("PUT", "/api/dispatch-rules", json!({ "version": "", "rules": [] }))
            .await
            .is(403);
    }
    let id = room.ids[0];
    agent.does(id, json!({ "command": "supervise", "why": "x" })).await.is(403);
    water.does(id, json!({ "command": "correct", "field": "title", "to": "x" })).await.is(403);
    agent.does(id, json!({ "command": "dispatch" })).await.is(200);
    agent.does(id, json!({ "command": "sign" })).await.is(403);
    // Somebody who loses the account is out at once; the last administrator stays.
    let gone = json!({ "name": "李", "role": "agent", "active": false });
    admin.send("PUT", "/api/people/li", gone).await.is(200);
    agent.get("/api/me").await.is(401);
    let gone = json!({ "name": "x", "role": "admin", "active": false });
    admin.send("PUT", "/api/people/admin", gone).await.is(409);
}

#[tokio::test]
async fn numbers_and_recordings_are_shown_by_events() {
    let room = Room::new();
    let admin = room.admin().await;
    let agent = room.person(&admin, "li", "agent", None).await;
    let id = room.ids[0];
    let page = agent.get(&format!("/api/tickets/{id}")).await.is(200);
    assert!(!String::from_utf8_lossy(&page.body).contains("13810001000"), "masked until asked for");
    let reveal = format!("/api/tickets/{id}/reveal");
    agent.send("POST", &reveal, json!({ "why": "" })).await.is(409);
    let shown = agent.send("POST", &reveal, json!({ "why": "回拨核实" })).await.is(200).json();
    assert_eq!(shown["phone"], "13810001000");
    let page = agent.get(&format!("/api/tickets/{id}")).await.is(200).json();
    let last = page["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["event"], &last["why"]), (&json!("revealed"), &json!("回拨核实")));
    // A call: blanked by default; in full only with a reason; both are looks.
    let call = format!("/api/calls/{}", room.call);
    let blanked = agent.get(&call).await.is(200);
    assert!(!String::from_utf8_lossy(&blanked.body).contains("13810001000"));
    agent.get(&format!("{call}?redact=false")).await.is(400);
    let whole = agent.get(&format!("{call}?redact=false&why=%E6%A0%B8%E5%AF%B9")).await.is(200);
    assert!(String::from_utf8_lossy(&whole.body).contains("13810001000"));
    agent.get(&format!("{call}?redact=false&why=%E6%A0%B8%E5%AF%B9")).await.is(200);
    let looks = admin.get("/api/looks").await.is(200).json();
    let looks: Vec<_> =
        looks.as_array().unwrap().iter().map(|look| (&look["why"], &look["redacted"])).collect();
    assert_eq!(looks, [(&json!("核对"), &json!(false)), (&json!("脱敏回放"), &json!(true))]);
    // The sound, blanked where the number is said.
    let quiet = agent.get(&format!("{call}/sound")).await.is(200);
    let whole = agent.get(&format!("{call}/sound?redact=false&why=x")).await.is(200);
    assert_eq!(quiet.body.len(), whole.body.len());
    let at = |ms: usize| 44 + ms * 32;
    assert_eq!(quiet.body[..at(1000)], whole.body[..at(1000)]);
    assert!(quiet.body[at(1700)..at(1900)].iter().all(|byte| *byte == 0));
    assert!(whole.body[at(1700)..at(1900)].iter().any(|byte| *byte != 0));
}

#[tokio::test]
async fn files_keep_to_their_place_and_run_nowhere() {
    let room = Room::new();
    let admin = room.admin().await;
    let id = room.ids[0];
    let path = format!("/api/tickets/{id}/attachments");
    for (name, kept) in [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\x.html", "x.html"),
        ("<img src=x onerror=alert(1)>.png", "img src=x onerror=alert(1).png"),
        ("..", "附件"),
        ("现场 照片.JPG", "现场 照片.JPG"),
    ] {
        let ticket = admin.upload(&path, name, b"<script>alert(1)</script>").await.is(201).json();
        let files = ticket["attachments"].as_array().unwrap();
        let last = files.last().unwrap();
        assert_eq!(last["name"], kept, "{name}");
        let n = last["n"].as_u64().unwrap();
        let file = admin.get(&format!("{path}/{n}")).await.is(200);
        let disposition = file.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(disposition.starts_with("attachment;"), "{disposition}");
        assert_ne!(file.headers[header::CONTENT_TYPE], "text/html");
        assert_eq!(file.headers["x-content-type-options"], "nosniff");
    }
    admin.get(&format!("{path}/99")).await.is(404);
    admin.get(&format!("{path}/..%2f..%2fVERSION")).await.is(404);
    for path in ["/..%2f..%2fVERSION", "/assets/..%2findex.html", "/api/calls/..%2fVERSION"] {
        let answer = admin.get(path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
    }
    assert!(room.desk.store.check().unwrap().findings.is_empty());
}

#[tokio::test]
async fn oversized_and_malformed_requests_are_refused() {
    let room = Room::new();
    let admin = room.admin().await;
    let id = room.ids[0];
    let long = json!({ "command": "note", "text": "长".repeat(600_000) });
    admin.command(id, 1, long).await.is(413);
    let huge = vec![0; crate::attachments::LARGEST_ATTACHMENT + 1];
    admin.upload(&format!("/api/tickets/{id}/attachments"), "a.bin", &huge).await.is(413);
    let path = format!("/api/tickets/{id}/commands");
    for body in [json!({}), json!([]), json!("x"), json!({ "command": "explode" }), json!(null)] {
        admin.command(id, 1, body).await.is(400);
    }
    // Without a version nothing is changed.
    admin.send("POST", &path, json!({ "command": "note", "text": "x" })).await.is(428);
    admin.get("/api/tickets?cursor=%F0%9F").await;
    admin.get("/api/tickets?cursor=abc").await.is(400);
    admin.get("/api/tickets?from=yesterday").await.is(400);
    admin.get("/api/tickets/99999999-99999-9").await.is(404);
    admin.get("/api/tickets/%3Cscript%3E").await.is(404);
    assert_eq!(room.desk.store.ticket(id).unwrap().version, 1);
}

#[tokio::test]
async fn script_in_words_stays_words() {
    let room = Room::new();
    let admin = room.admin().await;
    let script = "<img src=x onerror=alert(1)>";
    let id = room.ids[0];
    let correct =
        json!({ "command": "correct_transcript", "utterance": 0, "from": "a", "to": script });
    admin.does(id, correct).await.is(200);
    admin.does(id, json!({ "command": "correct", "field": "title", "to": script })).await.is(200);
    let desk = room.desk.clone();
    let keeper = std::thread::spawn(move || desk.keep_index());
    assert!(room.desk.finding.settle(std::time::Duration::from_secs(20)));
    let found = admin.get("/api/calls?q=onerror").await.is(200);
    // What a page may put into itself as it is, is escaped; the rest is JSON and nothing else.
    let html = found.json()["items"][0]["snippet"][0]["html"].as_str().unwrap().to_owned();
    assert!(html.contains("&lt;img") && !html.contains("<img"), "{html}");
    assert_eq!(found.headers[header::CONTENT_TYPE], "application/json");
    room.desk.finding.close();
    keeper.join().unwrap();
}

#[tokio::test]
async fn of_a_call_with_several_matters_a_department_sees_its_own() {
    let room = Room::new();
    let admin = room.admin().await;
    let water = room.person(&admin, "water", "handler", Some(WATER)).await;
    let mark = json!({ "at_ms": 500, "text": "语速太快" });
    admin.send("POST", &format!("/api/calls/{}/marks", room.call), mark).await.is(200);
    let corrected = json!({ "command": "correct_transcript", "utterance": 0, "from": "x", "to": "我叫王建国电话13810001000" });
    admin.does(room.ids[0], corrected).await.is(200);
    let name = json!({ "command": "correct", "field": "name", "to": "王建国" });
    admin.does(room.ids[0], name).await.is(200);
    let call = water.get(&format!("/api/calls/{}", room.call)).await.is(200);
    let text = String::from_utf8_lossy(&call.body).into_owned();
    for hidden in ["低保", &room.ids[1].to_string(), "语速太快", "王建国", "13810001000"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let ticket = water.get(&format!("/api/tickets/{}", room.ids[0])).await.is(200);
    let text = String::from_utf8_lossy(&ticket.body).into_owned();
    for hidden in ["王建国", "13810001000"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    // What was corrected into a name is silent as a whole, since nobody knows where it stands.
    let quiet = water.get(&format!("/api/calls/{}/sound", room.call)).await.is(200);
    assert!(quiet.body[44..44 + 32 * 900].iter().all(|byte| *byte == 0));
    // Trying numbers out tells a handler nothing.
    let tried = water.get("/api/tickets?caller=13810001000").await.is(200).json();
    assert_eq!(tried["total"], 0);
}

#[tokio::test]
async fn a_renamed_department_keeps_its_tickets() {
    let room = Room::new();
    let admin = room.admin().await;
    let water = room.person(&admin, "water", "handler", Some(WATER)).await;
    let id = room.ids[0];
    let renamed = json!({ "name": "区水务和河湖局", "level": "区", "aliases": [], "duties": "", "active": true });
    let path = "/api/departments/%E5%8C%BA%E6%B0%B4%E5%8A%A1%E5%B1%80";
    admin.send("PUT", path, renamed).await.is(200);
    water.get(&format!("/api/tickets/{id}")).await.is(200);
    assert_eq!(water.get("/api/tickets").await.is(200).json()["total"], 1);
    let sent = admin.does(id, json!({ "command": "dispatch" })).await.is(200).json();
    assert_eq!(sent["department"], "区水务和河湖局");
    water.does(id, json!({ "command": "sign" })).await.is(200);
    // Signed for, it goes elsewhere by a refusal or a redo, not by a correction.
    let moved = json!({ "command": "correct", "field": "department", "to": CIVIL });
    admin.does(id, moved).await.is(409);
}

#[tokio::test]
async fn accounts_are_told_apart_and_escalated_tickets_are_the_supervisors() {
    let room = Room::new();
    let admin = room.admin().await;
    let agent = room.person(&admin, "li", "agent", None).await;
    for (login, name) in [(" li ", "另一个"), ("li2", "li同志"), ("li3", "系统")] {
        let person = json!({ "login": login, "name": name, "role": "agent" });
        admin.send("POST", "/api/people", person).await.is(409);
    }
    let id = room.ids[0];
    for _ in 0..3 {
        admin.does(id, json!({ "command": "dispatch" })).await.is(200);
        admin.does(id, json!({ "command": "refuse", "why": "不属于我单位" })).await.is(200);
    }
    let ticket = agent.get(&format!("/api/tickets/{id}")).await.is(200).json();
    assert_eq!(ticket["status"], "待督办");
    agent.does(id, json!({ "command": "dispatch" })).await.is(403);
    agent.does(id, json!({ "command": "withdraw", "why": "x" })).await.is(403);
    agent.does(id, json!({ "command": "note", "text": "x" })).await.is(200);
    let sent = admin.does(id, json!({ "command": "dispatch" })).await.is(200).json();
    assert_eq!(sent["department"], WATER, "首接负责");
    let deadline =
        json!({ "command": "correct", "field": "deadline", "to": "2027-01-01T18:00:00+08:00" });
    agent.does(id, deadline.clone()).await.is(403);
    admin.does(id, deadline).await.is(200);
}
