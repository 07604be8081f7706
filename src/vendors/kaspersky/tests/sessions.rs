//! Sessions on real sockets: who signs in when, what is repeated, and what is never sent twice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;

use super::{
    console::{Console, Reply, ok},
    *,
};
use crate::http::{ClientOptions, Trust};

fn refuse(status: u16) -> Option<Reply> {
    Some(Reply::Status(status, String::new()))
}

/// A call that every script here answers.
async fn ask(console: &Kaspersky) -> Result<Option<bool>, VendorError> {
    console.is_console_there().await
}

fn there(method: &str) -> Option<Reply> {
    (method == "ConEvents.IsAnyServiceConsoleAvailable").then(|| ok(fixture!("console.json")))
}

#[tokio::test]
async fn the_password_opens_a_session_and_is_not_sent_again() {
    let console = Console::start(|call| there(&call.method)).await;
    let kaspersky = console.open(1);
    for _ in 0..3 {
        assert_eq!(ask(&kaspersky).await.unwrap(), Some(true));
    }
    let arrived = console.arrived();
    assert_eq!(console.count("StartSession"), 1);
    assert_eq!(
        arrived[0].authorization.as_deref(),
        Some(r#"KSCBasic user="YXBpLXVzZXI=", pass="aHVudGVyMndvcmQ=", internal="1""#)
    );
    assert_eq!((&arrived[0].session, &arrived[0].virtual_server), (&None, &None));
    for call in &arrived[1..] {
        assert_eq!((call.authorization.as_deref(), call.session.as_deref()), (None, Some("session-0")));
        assert_eq!(call.connection, 0, "all of it on one connection");
    }
}

#[tokio::test]
async fn an_account_of_the_operating_system_names_its_domain() {
    let console = Console::start(|call| there(&call.method)).await;
    let options =
        ClientOptions { trust: Trust::Nothing, timeout: Duration::from_secs(20), idle_connections: 1, proxy: false };
    let account = |domain_base64| Account {
        user: "u".to_owned(),
        password: Secret::new("p"),
        internal: false,
        domain: Some("corp".to_owned()),
        domain_base64,
        virtual_server: Some("branch".to_owned()),
    };
    for (encoded, domain) in [(false, "corp"), (true, "Y29ycA==")] {
        ask(&console.open_as(account(encoded), &options, 1)).await.unwrap();
        let logon = console.arrived().into_iter().rfind(|call| call.method.ends_with("StartSession")).unwrap();
        let expected = format!(r#"KSCBasic user="dQ==", pass="cA==", domain="{domain}", internal="0""#);
        assert_eq!(logon.authorization, Some(expected));
        assert_eq!(logon.virtual_server.as_deref(), Some("YnJhbmNo"));
    }
}

#[tokio::test]
async fn a_wrong_password_costs_one_refused_logon_however_many_ask() {
    let console = Console::start(|call| if call.method.ends_with("StartSession") { refuse(401) } else { None }).await;
    let kaspersky = console.open(16);
    let asked = join_all((0..64).map(|_| ask(&kaspersky))).await;
    for error in asked.into_iter().map(Result::unwrap_err) {
        assert_eq!(verdict(&error), (FailureKind::CredentialsRefused, Again::Never, Scope::Run));
    }
    assert!(ask(&kaspersky).await.is_err());
    assert_eq!(console.methods(), ["StartSession"], "one, and nothing after it");
}

#[tokio::test]
async fn the_others_sign_in_once_the_first_has() {
    let open = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicBool::new(false));
    let (in_flight, late) = (Arc::clone(&open), Arc::clone(&most));
    let console = Console::start(move |call| {
        if call.method.ends_with("StartSession") && in_flight.fetch_add(1, Ordering::SeqCst) > 0 {
            late.store(true, Ordering::SeqCst);
        }
        there(&call.method)
    })
    .await;
    let kaspersky = console.open(4);
    for answer in join_all((0..12).map(|_| ask(&kaspersky))).await {
        assert_eq!(answer.unwrap(), Some(true));
    }
    let arrived = console.arrived();
    let first = arrived.iter().position(|call| !call.method.ends_with("StartSession")).unwrap();
    assert_eq!(
        first, 1,
        "the first logon goes alone, and its session is used before or while others sign in: {arrived:?}"
    );
    for call in arrived.iter().filter(|call| call.session.is_some()) {
        let of_session = arrived.iter().filter(|other| other.session == call.session);
        assert!(of_session.clone().all(|other| other.connection == call.connection), "a session has one connection");
    }
    assert!(console.count("StartSession") <= 4);
}

#[tokio::test]
async fn a_session_that_has_ended_is_renewed_and_only_a_question_is_asked_again() {
    let (ended, gone) = (AtomicBool::new(false), AtomicBool::new(false));
    let console = Console::start(move |call| match call.method.as_str() {
        "ConEvents.IsAnyServiceConsoleAvailable" if !gone.swap(true, Ordering::SeqCst) => refuse(403),
        "HostGroup.AddIncident" if !ended.swap(true, Ordering::SeqCst) => refuse(403),
        "HostGroup.AddIncident" => Some(ok(fixture!("added.json"))),
        method => there(method),
    })
    .await;
    let kaspersky = console.open(1);
    ask(&kaspersky).await.unwrap();
    let lost = kaspersky.submit_task(&Task::IsolateHost { on: true }, &target(), &Area::default(), None).await;
    assert_eq!(verdict(&lost.unwrap_err().error), (FailureKind::Gateway, Again::InDoubt, Scope::Targets));
    let ack = kaspersky.submit_task(&Task::IsolateHost { on: true }, &target(), &Area::default(), None).await.unwrap();
    assert_eq!(ack, crate::vendors::Ack::Accepted(crate::domain::id::Ticket(Some("incident:4711".into()))));
    assert_eq!(
        console.methods(),
        [
            "StartSession",
            "IsAnyServiceConsoleAvailable",
            "StartSession",
            "IsAnyServiceConsoleAvailable",
            "AddIncident",
            "StartSession",
            "AddIncident",
            "UpdateIncident"
        ]
    );
}

#[tokio::test]
async fn a_session_that_is_refused_at_once_is_not_renewed_again() {
    let console = Console::start(|call| if call.method.starts_with("ConEvents") { refuse(403) } else { None }).await;
    let kaspersky = console.open(1);
    let talked = kaspersky.check().await.unwrap_err();
    assert_eq!(talked.failure().kind, FailureKind::Protocol, "{talked}");
    assert_eq!(ask(&kaspersky).await.unwrap(), None, "the role may not ask for it");
    assert_eq!(console.count("IsAnyServiceConsoleAvailable"), 2);
    assert_eq!(console.count("StartSession"), 2);
}

/// Lets the time go by without waiting for it.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_session_that_was_idle_is_asked_before_it_is_used() {
    let pings = AtomicUsize::new(0);
    let console = Console::start(move |call| match call.method.as_str() {
        "Session.Ping" if pings.fetch_add(1, Ordering::SeqCst) > 0 => refuse(403),
        method => there(method),
    })
    .await;
    let kaspersky = console.open(1);
    for seconds in [0, 30, 46, 46] {
        pass(seconds).await;
        ask(&kaspersky).await.unwrap();
    }
    let asked = "IsAnyServiceConsoleAvailable";
    assert_eq!(console.methods(), ["StartSession", asked, asked, "Ping", asked, "Ping", "StartSession", asked]);
}

#[tokio::test]
async fn a_conversation_that_is_given_up_gives_its_slot_back() {
    let console = Console::start(|call| there(&call.method)).await;
    let kaspersky = console.open(1);
    ask(&kaspersky).await.unwrap();
    for _ in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_millis(2), ask(&kaspersky)).await;
        assert!(given_up.is_err(), "the console takes longer than this");
    }
    assert_eq!(ask(&kaspersky).await.unwrap(), Some(true));
    assert_eq!(console.count("StartSession"), 1);
}

#[tokio::test]
async fn a_refusal_in_the_middle_stops_every_logon() {
    let console = Console::start(|call| if call.method.starts_with("ConEvents") { refuse(401) } else { None }).await;
    let kaspersky = console.open(2);
    assert!(ask(&kaspersky).await.is_err());
    assert!(join_all((0..4).map(|_| ask(&kaspersky))).await.iter().all(Result::is_err));
    assert_eq!(console.count("StartSession"), 1, "{:?}", console.methods());
}

#[tokio::test]
async fn sessions_are_ended_when_the_console_is_closed() {
    let console = Console::start(|call| there(&call.method)).await;
    let kaspersky = console.open(3);
    join_all((0..9).map(|_| ask(&kaspersky))).await;
    kaspersky.close().await;
    let ended: std::collections::BTreeSet<_> = console
        .arrived()
        .into_iter()
        .filter(|call| call.method == "Session.EndSession")
        .map(|call| call.session)
        .collect();
    assert_eq!(ended.len(), console.count("StartSession"));
    kaspersky.close().await;
    assert_eq!(console.count("EndSession"), ended.len(), "only once");
}

#[tokio::test]
async fn no_error_quotes_password_or_session() {
    let quote = |call: &super::console::Arrived| {
        let quoted = call.authorization.clone().or_else(|| call.session.clone()).unwrap_or_default();
        Some(Reply::Status(400, format!("bad header hunter2word {quoted}")))
    };
    let console = Console::start(quote).await;
    let told = console.open(1).check().await.unwrap_err().to_string();
    assert!(!told.contains("hunter2") && !told.contains("aHVudGVyMndvcmQ="), "{told}");
    let console = Console::start(move |call| if call.method.contains("Session") { None } else { quote(call) }).await;
    let told = console.open(1).check().await.unwrap_err().to_string();
    assert!(!told.contains("hunter2") && !told.contains("session-0"), "{told}");
}
