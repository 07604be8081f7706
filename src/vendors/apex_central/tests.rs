//! Requests as they are built and answers as they are judged, on composed answers in `tests/fixtures/apex_central`.

use std::{num::NonZeroUsize, time::Duration};

use proptest::prelude::*;

use super::{answers::Refusal, requests::*, *};
use crate::{
    domain::host::HostId,
    http::{HeaderMap, Method, StatusCode},
    vendors::Scope,
};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/apex_central/", $name))
    };
}

mod answers;
mod exchange;
mod lists;

const ID: &str = "5E0B7A14-93C2-4F6D-8E21-7A4C0B9D3F58";

fn answer(status: u16, body: &str) -> Response {
    answer_with(status, body, &[("content-type", "application/json; charset=utf-8")])
}

fn answer_with(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Response {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    Response { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
}

fn page_of_html(status: u16) -> Response {
    answer_with(status, fixture!("unavailable.html"), &[("content-type", "text/html")])
}

fn coded(status: u16, code: i64) -> Response {
    answer(status, &format!(r#"{{"result_code":{code},"result_description":"in its words","result_content":""}}"#))
}

fn console() -> Url {
    Url::parse("https://apex.example/").unwrap()
}

fn id() -> HostId {
    HostId::new(ID)
}

fn error(refusal: Refusal) -> VendorError {
    match refusal {
        Refusal::Error(error) => error,
        Refusal::TooOld => panic!("judged as a matter of clocks"),
    }
}

type Verdict = (FailureKind, Again, Scope);

fn verdict(error: &VendorError) -> Verdict {
    (error.failure().kind, error.again(), error.scope())
}

/// What a change that was answered so comes to.
fn change(response: &Response) -> Verdict {
    verdict(&error(judge_submit(&id(), response).unwrap_err()))
}

/// What a list that was answered so comes to.
fn read(response: &Response) -> Verdict {
    verdict(&error(judge_agents(None, response).unwrap_err()))
}

fn words(response: &Response) -> String {
    error(judge_submit(&id(), response).unwrap_err()).to_string()
}

fn isolate(kind: ActionKind) -> Draft {
    submit(&console(), &Action { kind, comment: Some("INC-1".to_owned()) }, &id()).unwrap()
}

#[test]
fn requests_are_exactly_what_is_documented() {
    let url = |path: &str| Url::parse(&format!("https://apex.example{path}")).unwrap();
    let agents_path = "/WebApp/API/AgentResource/ProductAgents";
    assert_eq!(servers(&console()).url, url("/WebApp/API/ServerResource/ProductServers"));
    assert_eq!(agents(&console(), None).url.as_str(), format!("https://apex.example{agents_path}"));
    assert_eq!(agents(&console(), Some("SLF_X")).url, url(&format!("{agents_path}?product=SLF_X")));
    assert_eq!(agent(&console(), &id()).url, url(&format!("{agents_path}?entity_id={ID}")));
    for draft in [servers(&console()), agents(&console(), None), agent(&console(), &id())] {
        assert_eq!((draft.method, draft.body), (Method::GET, None));
    }
    for (kind, act) in
        [(ActionKind::Isolate, "cmd_isolate_agent"), (ActionKind::Unisolate, "cmd_restore_isolated_agent")]
    {
        let draft = isolate(kind);
        let body = format!(r#"{{"entity_id":"{ID}","act":"{act}","allow_multiple_match":false}}"#);
        assert_eq!((draft.method, draft.url), (Method::POST, url(agents_path)));
        assert_eq!(draft.body, Some(body.into_bytes()));
    }
}

#[test]
fn a_change_without_an_id_cannot_be_built() {
    for blank in ["", " ", "\t"] {
        let action = Action { kind: ActionKind::Isolate, comment: None };
        let error = submit(&console(), &action, &HostId::new(blank)).unwrap_err();
        assert_eq!(verdict(&error), (FailureKind::BadRequest, Again::Never, Scope::Targets));
    }
}

#[test]
fn only_what_needs_no_escape_stands_in_a_query() {
    for good in [ID, "a", "A.b_c-d~9"] {
        assert!(can_be_asked_for(&HostId::new(good)), "{good}");
    }
    for bad in ["", "a b", "a&act=x", "a%20", "ä", "a/b", "{a}", "a+b", "a#b"] {
        assert!(!can_be_asked_for(&HostId::new(bad)), "{bad}");
    }
    assert!(is_product("SLF_PRODUCT_OFFICESCAN_CE") && is_product("15"));
    for bad in ["", "A B", "A&b=c", "Ä", "a/b", &"x".repeat(65)] {
        assert!(!is_product(bad), "{bad}");
    }
}

fn application(product: Option<&str>) -> Application {
    Application {
        id: "1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1".to_owned(),
        key: Secret::new("hunter2key"),
        corrects_clock: true,
        product: product.map(str::to_owned),
    }
}

fn open(product: Option<&str>) -> Result<ApexCentral, VendorError> {
    let client = http::client(&http::ClientOptions {
        trust: http::Trust::Nothing,
        timeout: Duration::from_secs(1),
        idle_connections: 1,
        proxy: false,
    });
    ApexCentral::new(client.unwrap(), console(), application(product), NonZeroUsize::MIN)
}

#[test]
fn what_is_signed_is_the_request_that_is_sent() {
    let apex = open(None).unwrap();
    let with_query = agents(&console(), Some("SLF_X"));
    for (draft, target) in [
        (isolate(ActionKind::Isolate), "/WebApp/API/AgentResource/ProductAgents"),
        (with_query, "/WebApp/API/AgentResource/ProductAgents?product=SLF_X"),
    ] {
        let request = apex.signed(draft, 1_700_000_000).unwrap();
        let body = request.body().map_or(&b""[..], |body| body.as_bytes().unwrap());
        let token = apex.signer.token(request.method(), target, &[], body, 1_700_000_000).unwrap();
        assert_eq!(request.headers()[header::AUTHORIZATION], token);
        assert_eq!(request.headers().contains_key(header::CONTENT_TYPE), !body.is_empty());
        assert!(request.headers().keys().all(|name| !name.as_str().starts_with("api")), "none of them would be signed");
        assert!(!format!("{request:?}").contains("eyJ"), "the token is not shown");
    }
}

#[test]
fn a_product_that_is_written_like_none_is_refused_before_anything_is_sent() {
    assert!(open(Some("SLF_PRODUCT_OFFICESCAN_CE")).is_ok());
    for bad in ["", "a&b", "OfficeScan CE"] {
        let error = open(Some(bad)).unwrap_err();
        assert_eq!(verdict(&error), (FailureKind::BadRequest, Again::Never, Scope::Run), "{bad}");
    }
}

#[test]
fn secrets_are_in_no_debug_text() {
    let apex = open(None).unwrap();
    let told = format!("{apex:?} {apex:#?} {:?} {:?}", application(None), isolate(ActionKind::Isolate));
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn more_or_fewer_hosts_than_one_are_refused_before_anything_is_sent() {
    let apex = open(None).unwrap();
    let target = Target { id: id(), name: None, ticket: None };
    let action = Action { kind: ActionKind::Isolate, comment: None };
    for targets in [Vec::new(), vec![target.clone(), target]] {
        let error = apex.submit(&action, &targets).await.unwrap_err();
        assert_eq!(verdict(&error), (FailureKind::Internal, Again::Never, Scope::Targets));
        assert!(apex.observe(&targets).await.is_err());
    }
    assert!(apex.list(Some(&Cursor("2".into()))).await.is_err(), "there is one page");
}

#[test]
fn ids_are_told_from_names() {
    let lower = ID.to_ascii_lowercase();
    assert_eq!(id_form(ID), IdForm::Id(Some(lower.as_str().into())));
    assert_eq!(id_form(&lower), IdForm::Id(None));
    assert_eq!(id_form("3f5a7b9c1d2e-4a6b8c0d-1e2f-3a4b-5c6d"), IdForm::Id(None));
    for damaged in ["5E0B7A14-93C2-4F6D-8E21-7A4C0B9D3F5", "{5E0B7A14-93C2-4F6D-8E21-7A4C0B9D3F58}"] {
        let said = Some(damaged.to_ascii_lowercase().into());
        assert!(matches!(id_form(damaged), IdForm::DamagedUnlessSaid(_, canonical) if canonical == said), "{damaged}");
    }
    assert_eq!(id_form("fin-lt-0041"), IdForm::IfSaid(None));
    assert_eq!(id_form("FIN-LT-0041"), IdForm::IfSaid(Some("fin-lt-0041".into())));
    assert_eq!(id_form("10.20.30.41"), IdForm::IfSaid(None));
    assert_eq!(id_form(&"é".repeat(128)), IdForm::IfSaid(None));
    for neither in ["", "a b", "a\u{200b}b", "a\n", &"x".repeat(129)] {
        assert_eq!(id_form(neither), IdForm::NotAnId, "{neither:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_judges_panic_and_none_but_a_success_is_taken(
        status in 100_u16..=599,
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[{]\"result_code\":(1|-6|-8|2|null),\"result_content\":(\\[\\]|\"\"|null|\\[[{][}]\\]|\\[[{]\"entity_id\":\"[a-z]\"[}]\\])[}]".prop_map(String::into_bytes),
            "<?[a-z]{0,9}>?\\PC{0,100}".prop_map(String::into_bytes),
        ],
    ) {
        let response = Response { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body };
        let ours = HostId::new("a");
        if judge_submit(&ours, &response).is_ok() {
            let envelope: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            prop_assert!((200..300).contains(&status));
            prop_assert_eq!(&envelope["result_code"], 1);
            prop_assert_eq!(&envelope["result_content"][0]["entity_id"], "a");
        }
        drop((judge_agents(Some("p"), &response), judge_agent(&ours, true, &response), judge_servers(&console(), &response)));
    }

    #[test]
    fn whatever_is_an_id_stands_in_the_body_as_it_is(text in "\\PC{1,60}") {
        prop_assume!(!text.trim().is_empty());
        let action = Action { kind: ActionKind::Unisolate, comment: None };
        let body = submit(&console(), &action, &HostId::new(text.as_str())).unwrap().body.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(body, serde_json::json!({
            "entity_id": text, "act": "cmd_restore_isolated_agent", "allow_multiple_match": false,
        }));
    }
}
