//! Working tickets: from arrival to closure, many at once, and what lists and boards make of it.

use std::collections::BTreeMap;

use super::*;

#[tokio::test]
async fn a_ticket_from_arrival_to_closure() {
    let room = Room::new();
    let admin = room.admin().await;
    let agent = room.person(&admin, "li", "agent", None).await;
    let water = room.person(&admin, "water", "handler", Some(WATER)).await;
    let id = room.ids[0];
    let correct = json!({ "command": "correct", "field": "type", "to": "求助" });
    let dispatch = json!({ "command": "dispatch", "co": [CIVIL] });
    let ticket = agent.does(id, json!({ "commands": [correct, dispatch] })).await.is(200).json();
    assert_eq!((&ticket["status"], &ticket["co"][0]), (&json!("已派遣"), &json!(CIVIL)));
    assert_eq!(ticket["fields"]["confidence"]["type"], 1.0);
    let moves: BTreeMap<&str, bool> = ticket["moves"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["command"].as_str().unwrap(), one["enabled"].as_bool().unwrap()))
        .collect();
    assert!(moves["remind"] && !moves["sign"] && !moves["close"]);
    water.does(id, json!({ "command": "sign" })).await.is(200);
    water
        .does(id, json!({ "command": "ask_extension", "days": 2, "why": "配件未到" }))
        .await
        .is(200);
    admin.does(id, json!({ "command": "grant_extension" })).await.is(200);
    let answer =
        json!({ "command": "answer", "handling": "换了水管", "reply": "已修好", "solved": true });
    let ticket = water.does(id, answer).await.is(200).json();
    assert_eq!(ticket["status"], "待回访");
    let follow = json!({ "command": "follow_up", "reached": true, "responded": true, "solved": true, "satisfied": 5 });
    agent.does(id, follow).await.is(200);
    let ticket = agent.does(id, json!({ "command": "close" })).await.is(200).json();
    assert_eq!(ticket["status"], "已结案");
    let told: Vec<&str> = ticket["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["text"].as_str().unwrap())
        .collect();
    assert_eq!(told[0], "受理，状态为待复核");
    assert!(told.contains(&"把诉求类型从「投诉」改为「求助」"), "{told:?}");
    assert_eq!(told.last(), Some(&"结案"));
    // An illegal move is refused with its reason, and changes nothing.
    let refused = water
        .does(id, json!({ "command": "answer", "handling": "x", "reply": "x", "solved": true }));
    let refused = refused.await.is(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("已结案"), "{refused}");
    // The boards count it, and every number can be looked into.
    let boards = admin.get("/api/boards?from=2026-11-01&to=2026-11-30").await.is(200).json();
    assert_eq!((&boards["totals"]["tickets"], &boards["totals"]["closed"]), (&json!(2), &json!(1)));
    for rate in ["responded", "solved", "satisfied", "signed", "on_time"] {
        assert_eq!(boards["rates"][rate], 1.0, "{rate}: {boards}");
        let list = admin.get(&format!("/api/tickets?flaw={rate}")).await.is(200).json();
        assert_eq!(list["total"], 0, "{rate}");
    }
    let list = admin.get("/api/tickets?status=%E5%B7%B2%E7%BB%93%E6%A1%88").await.is(200).json();
    assert_eq!((&list["total"], &list["items"][0]["id"]), (&json!(1), &json!(id)));
}

#[tokio::test]
async fn a_stale_edit_is_shown_what_is_there_now_and_overwrites_nothing() {
    let room = Room::new();
    let admin = room.admin().await;
    let other = room.person(&admin, "li", "agent", None).await;
    let id = room.ids[0];
    let title = |text: &str| json!({ "command": "correct", "field": "title", "to": text });
    admin.command(id, 1, title("甲")).await.is(200);
    let stale = other.command(id, 1, title("乙")).await.is(412).json();
    assert_eq!(stale["current"]["fields"]["title"], "甲");
    assert_eq!(stale["current"]["version"], 2);
    assert_eq!(room.desk.store.ticket(id).unwrap().fields.title, "甲");
    other.command(id, 2, title("乙")).await.is(200);
}

/// Many agents at the same few tickets: what was accepted is there, in order, and nothing else is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_agents_at_the_same_tickets_lose_nothing() {
    const AGENTS: usize = 50;
    const TICKETS: u32 = 20;
    const EDITS: usize = 6;
    let room = Room::new();
    let admin = room.admin().await;
    let mut ids = Vec::new();
    for number in 0..TICKETS {
        let new = NewCall {
            call: put_call(&room.desk.store, room._dir.path(), 10 + number),
            tickets: vec![(Status::Review, fields("路灯不亮", WATER))],
        };
        ids.push(room.desk.store.take(&new, "hotline").unwrap().tickets[0]);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for agent in 0..AGENTS {
        let (browser, ids) = (admin.clone(), ids.clone());
        tasks.spawn(async move {
            let (mut accepted, mut stale) = (Vec::new(), 0);
            for edit in 0..EDITS {
                let id = ids[(agent * 7 + edit * 3) % ids.len()];
                let text = format!("第{agent}人第{edit}改");
                loop {
                    let ticket = browser.get(&format!("/api/tickets/{id}")).await.is(200).json();
                    let version = ticket["version"].as_u64().unwrap();
                    let note = json!({ "command": "note", "text": text });
                    let answer = browser.command(id, version, note).await;
                    match answer.status.as_u16() {
                        200 => break,
                        412 => {
                            stale += 1;
                            assert!(
                                answer.is(412).json()["current"]["version"].as_u64()
                                    > Some(version)
                            );
                        }
                        other => panic!("{other}"),
                    }
                }
                accepted.push((id, text));
            }
            (accepted, stale)
        });
    }
    let (mut accepted, mut stale) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (mine, missed) = done.unwrap();
        accepted.extend(mine);
        stale += missed;
    }
    assert_eq!(accepted.len(), AGENTS * EDITS);
    assert!(stale > 0, "they did meet");
    for id in ids {
        let ticket = room.desk.store.ticket(id).unwrap();
        let mut noted: Vec<String> = ticket
            .history
            .iter()
            .filter_map(|record| match &record.event {
                tickets::Event::Noted { text } => Some(text.clone()),
                _ => None,
            })
            .collect();
        let mut mine: Vec<String> = accepted
            .iter()
            .filter(|(other, _)| *other == id)
            .map(|(_, text)| text.clone())
            .collect();
        noted.sort();
        mine.sort();
        assert_eq!(noted, mine, "ticket {id}");
        let row = room.desk.board().get(id).unwrap().version;
        assert_eq!(row, ticket.version, "the list knows the newest");
    }
    assert!(room.desk.store.check().unwrap().findings.is_empty());
}

#[tokio::test]
async fn lists_are_paged_without_gaps_and_filters_hold_together() {
    let room = Room::new();
    let admin = room.admin().await;
    for number in 0..30 {
        let body = json!({ "type": "求助", "category": "民政", "title": format!("事{number}"), "dispatch": number % 2 == 0, "department": CIVIL });
        admin.send("POST", "/api/tickets", body).await.is(201);
    }
    for sort in ["deadline", "newest", "urgency"] {
        let mut seen: Vec<String> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = admin
                .get(&format!("/api/tickets?limit=7&sort={sort}{cursor}"))
                .await
                .is(200)
                .json();
            let items = page["items"].as_array().unwrap();
            seen.extend(items.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            assert_eq!(page["total"], 32);
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen.len(), 32, "{sort}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 32, "{sort}: nothing twice");
    }
    let counts = admin.get("/api/tickets?queue=dispatch&limit=1").await.is(200).json();
    assert_eq!((&counts["total"], &counts["counts"]["sign"]), (&json!(15), &json!(15)));
    let both = admin
        .get("/api/tickets?queue=sign&category=%E6%B0%91%E6%94%BF&open=true")
        .await
        .is(200)
        .json();
    assert_eq!(both["total"], 15);
    let none =
        admin.get("/api/tickets?queue=sign&category=%E6%94%BF%E6%B3%95").await.is(200).json();
    assert_eq!(none["total"], 0);
    // By the caller's number, which nobody sees, and by what the caller is known by.
    let by_number = admin.get("/api/tickets?caller=138-1000-1000").await.is(200).json();
    assert_eq!(by_number["total"], 2);
    let key = by_number["items"][0]["caller_key"].as_str().unwrap();
    let by_key = admin.get(&format!("/api/tickets?caller={key}")).await.is(200).json();
    assert_eq!(by_key["total"], 2);
    assert_eq!(by_key["items"][0]["caller"], "138****1000");
}

#[tokio::test]
async fn tickets_by_hand_are_checked_and_words_find_them() {
    let room = Room::new();
    let admin = room.admin().await;
    let good = json!({ "type": "投诉", "category": "环境保护", "title": "河道夜间排放污水", "phone": "13920002000", "description": "凌晨三点有股臭味", "department": WATER });
    let ticket = admin.send("POST", "/api/tickets", good.clone()).await.is(201).json();
    assert_eq!((&ticket["status"], &ticket["call"]), (&json!("待派遣"), &json!("")));
    for (field, wrong) in [
        ("type", "闲聊"),
        ("category", "天文"),
        ("urgency", "很急"),
        ("title", " "),
        ("phone", "电话"),
        ("department", "园林局"),
    ] {
        let mut bad = good.clone();
        bad[field] = wrong.into();
        let status = admin.send("POST", "/api/tickets", bad).await.status;
        assert!(status == 422 || status == 409, "{field}: {status}");
    }
    let desk = room.desk.clone();
    let keeper = std::thread::spawn(move || desk.keep_index());
    room.desk.compare_index().unwrap();
    assert!(room.desk.finding.settle(std::time::Duration::from_secs(20)));
    for words in ["排放污水", "三点有股", "paifang", "hedao"] {
        let found = admin.get(&format!("/api/tickets?q={words}")).await.is(200).json();
        assert_eq!(found["items"][0]["id"], ticket["id"], "{words}: {found}");
    }
    // 水管漏水, and with it 望远镜, which nobody said. A number counts by what is shown of it.
    for (asked, total, partial) in [
        ("q=%E6%B0%B4%E7%AE%A1%E6%BC%8F%E6%B0%B4&caller=1000", 2, false),
        ("q=%E6%B0%B4%E7%AE%A1%E6%BC%8F%E6%B0%B4%20%E6%9C%9B%E8%BF%9C%E9%95%9C", 2, true),
        (
            "q=%E6%B0%B4%E7%AE%A1%E6%BC%8F%E6%B0%B4%20%E6%9C%9B%E8%BF%9C%E9%95%9C&caller=9999",
            0,
            false,
        ),
        ("caller=9999", 0, false),
    ] {
        let found = admin.get(&format!("/api/calls?{asked}")).await.is(200).json();
        assert_eq!(
            (&found["total"], &found["partial"]),
            (&json!(total), &json!(partial)),
            "{asked}"
        );
    }
    let heard = admin.get("/api/calls?q=%E6%B0%B4%E7%AE%A1%E6%BC%8F%E6%B0%B4").await.is(200).json();
    assert_eq!(heard["items"][0]["sha256"], room.call, "{heard}");
    let html = heard["items"][0]["snippet"][0]["html"].as_str().unwrap();
    assert!(html.contains("<mark>水管漏水</mark>"), "{html}");
    // What the journal has and a new index has not, is found again after the next start.
    assert_eq!(room.desk.compare_index().unwrap(), 0);
    let knowledge = admin.get("/api/knowledge?q=%E5%85%AC%E7%A7%AF%E9%87%91").await.is(200).json();
    assert!(!knowledge.as_array().unwrap().is_empty());
    room.desk.finding.close();
    keeper.join().unwrap();
}

#[tokio::test]
async fn sound_comes_in_the_ranges_that_browsers_ask_for() {
    let room = Room::new();
    let admin = room.admin().await;
    let path = format!("/api/calls/{}/sound?redact=false&why=x", room.call);
    let whole = admin.get(&path).await.is(200).body;
    assert_eq!(whole.len(), 44 + 64_000);
    for (range, status, expect) in [
        ("bytes=0-", 206, 0..whole.len()),
        ("bytes=100-199", 206, 100..200),
        ("bytes=-10", 206, whole.len() - 10..whole.len()),
        ("bytes=64000-99999999", 206, 64_000..whole.len()),
        ("bytes=99999999-", 416, 0..0),
        ("bytes=5-1", 416, 0..0),
        ("lines=1-2", 416, 0..0),
    ] {
        let request = request("GET", &path)
            .header(header::COOKIE, &admin.cookie)
            .header(header::RANGE, range)
            .body(Body::empty())
            .unwrap();
        let answer = ask(&room.routes, request).await.is(status);
        if status == 206 {
            assert_eq!(answer.body, whole[expect.clone()], "{range}");
            let told = answer.headers[header::CONTENT_RANGE].to_str().unwrap();
            assert_eq!(told, format!("bytes {}-{}/{}", expect.start, expect.end - 1, whole.len()));
        }
    }
    let peaks = admin.get(&format!("/api/calls/{}/peaks", room.call)).await.is(200).json();
    assert_eq!(peaks["duration_ms"], 2000);
    let vtt = admin.get(&format!("/api/calls/{}/export?form=vtt", room.call)).await.is(200);
    let vtt = String::from_utf8(vtt.body).unwrap();
    assert!(
        vtt.starts_with("WEBVTT") && vtt.contains("水管漏水") && !vtt.contains("13810001000"),
        "{vtt}"
    );
    let mark = json!({ "at_ms": 500, "text": "语速太快" });
    let call =
        admin.send("POST", &format!("/api/calls/{}/marks", room.call), mark).await.is(200).json();
    assert_eq!(call["marks"][0]["text"], "语速太快");
    let first = room.desk.city.checklist[0].clone();
    let score = |points: u32| json!({ "items": { first.id.clone(): points }, "comment": "好" });
    let path = format!("/api/calls/{}/scores", room.call);
    admin.send("POST", &path, score(first.points + 1)).await.is(422);
    let call = admin.send("POST", &path, score(first.points)).await.is(200).json();
    assert_eq!(call["scores"][0]["total"], first.points);
}

#[tokio::test]
async fn administrators_edit_departments_and_rules_with_history() {
    let room = Room::new();
    let admin = room.admin().await;
    let renamed = json!({ "name": "区水务和河湖局", "level": "区", "aliases": [], "duties": "", "active": true });
    let path = "/api/departments/%E5%8C%BA%E6%B0%B4%E5%8A%A1%E5%B1%80";
    let all = admin.send("PUT", path, renamed).await.is(200).json();
    assert!(all.as_array().unwrap().iter().any(|one| one["aliases"][0] == WATER), "{all}");
    let table = admin.get("/api/dispatch-rules").await.is(200).json();
    assert!(table["rules"].as_array().unwrap().len() > 20, "the city's file, until it is edited");
    let rule = |department: &str| json!([{ "types": [], "categories": ["民政"], "emergency": [], "words": ["低保"], "unless": [], "department": department, "because": "低保由民政办理" }]);
    let put = |version: &Value, rules: Value| json!({ "version": version, "rules": rules });
    let wrong = admin.send("PUT", "/api/dispatch-rules", put(&table["version"], rule("园林局")));
    let wrong = wrong.await.is(422).json();
    assert_eq!(
        (&wrong["problems"][0]["rule"], &wrong["problems"][0]["field"]),
        (&json!(0), &json!("department"))
    );
    let good = admin.send("PUT", "/api/dispatch-rules", put(&table["version"], rule(CIVIL)));
    good.await.is(200);
    let stale = admin.send("PUT", "/api/dispatch-rules", put(&table["version"], rule(CIVIL)));
    stale.await.is(412);
    for of in ["departments", "dispatch", "people"] {
        let history = admin.get(&format!("/api/history?of={of}")).await.is(200).json();
        assert!(!history.as_array().unwrap().is_empty(), "{of}");
    }
    let text = admin.get("/api/history?of=people").await.is(200).body;
    assert!(!String::from_utf8_lossy(&text).contains("argon2"), "no password leaves the store");
}

#[tokio::test]
async fn other_programs_read_and_make_requests() {
    let room = Room::new();
    let admin = room.admin().await;
    let services = admin.get("/open311/v2/services.json").await.is(200).json();
    assert!(services.as_array().unwrap().len() >= 15);
    let body = "service_code=%E6%B0%91%E6%94%BF&description=%E8%B7%AF%E7%81%AF%E4%B8%8D%E4%BA%AE&phone=13920002000";
    let made = request("POST", "/open311/v2/requests.json")
        .header(header::COOKIE, &admin.cookie)
        .header("x-csrf-token", &admin.csrf)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let made = ask(&room.routes, made.body(Body::from(body)).unwrap()).await.is(201).json();
    let id = made[0]["service_request_id"].as_str().unwrap().to_owned();
    let one = admin.get(&format!("/open311/v2/requests/{id}.json")).await.is(200);
    assert!(!String::from_utf8_lossy(&one.body).contains("13920002000"));
    assert_eq!(one.json()[0]["status"], "open");
    let open = admin.get("/open311/v2/requests.json?status=open").await.is(200).json();
    assert_eq!(open.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn consoles_are_told_of_what_they_may_see() {
    use tokio_stream::StreamExt;
    let room = Room::new();
    let admin = room.admin().await;
    let water = room.person(&admin, "water", "handler", Some(WATER)).await;
    let civil = room.person(&admin, "civil", "handler", Some(CIVIL)).await;
    let listen = |browser: &Browser| {
        let request = request("GET", "/api/events").header(header::COOKIE, &browser.cookie);
        let routes = room.routes.clone();
        async move {
            let response = routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 200);
            response.into_body().into_data_stream()
        }
    };
    let (mut hears, mut deaf) = (listen(&water).await, listen(&civil).await);
    let id = room.ids[0];
    admin.does(id, json!({ "command": "dispatch" })).await.is(200);
    let heard = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        let mut text = String::new();
        while !text.contains("event: ticket") {
            text.push_str(std::str::from_utf8(&hears.next().await.unwrap().unwrap()).unwrap());
        }
        text
    });
    let heard = heard.await.expect("told in time");
    assert!(heard.contains(&id.to_string()) && heard.contains("已派遣"), "{heard}");
    assert!(!heard.contains("13810001000"));
    // Another department hears that counts changed at most.
    let other = tokio::time::timeout(std::time::Duration::from_millis(1500), async {
        let mut text = String::new();
        while let Some(Ok(piece)) = deaf.next().await {
            text.push_str(std::str::from_utf8(&piece).unwrap());
            assert!(!text.contains("event: ticket"), "{text}");
        }
    });
    assert!(other.await.is_err(), "the stream goes on");
}

#[tokio::test]
async fn tickets_are_held_against_the_words_of_their_call_until_they_agree() {
    let room = Room::new();
    let admin = room.admin().await;
    let civil = room.person(&admin, "civil", "handler", Some(CIVIL)).await;
    let path = format!("/api/calls/{}", room.call);
    let flags = |answer: Answer| answer.json()["flags"].as_array().unwrap().clone();
    assert_eq!(flags(admin.get(&path).await.is(200)), Vec::<Value>::new());
    let phone = |to: &str| json!({ "command": "correct", "field": "phone", "to": to });
    admin.does(room.ids[0], phone("13900009999")).await.is(200);
    let found = flags(admin.get(&path).await.is(200));
    assert_eq!((found.len(), &found[0]["code"]), (1, &json!("phone-differs")));
    assert_eq!((&found[0]["ticket"], &found[0]["field"]), (&json!(room.ids[0]), &json!("phone")));
    // The same call with the other department's matter alone, and what is remembered stays whole.
    assert_eq!(flags(civil.get(&path).await.is(200)), Vec::<Value>::new());
    assert_eq!(flags(admin.get(&path).await.is(200)).len(), 1);
    assert_eq!(room.desk.checks.flagged(), std::slice::from_ref(&room.call));
    admin.does(room.ids[0], phone("13810001000")).await.is(200);
    assert_eq!(flags(admin.get(&path).await.is(200)), Vec::<Value>::new());
    assert_eq!(room.desk.checks.flagged(), [""; 0]);
}
