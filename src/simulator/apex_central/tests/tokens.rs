//! Tokens: the documented ones are let in, and each mistake earns its own code.

use super::*;

const A: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDAwMCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJvYlYzOVI2a09HZGVuMlN0Sm93dHBLdmFRczJYaTB1MWMyWGxqS1NTUk1VPSJ9.7rp7IlCh4hdSNH_finHiwG3b9zutLFJTCcgMECjJqKc";
const B: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDA2MCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJLMUVXbjJjR1VKMENVY09qbHhtOUhEbVpLK2VTL1lPc0Z1YTZibnRIZ3dRPSJ9.qlVSe4Yc-YMP5CpKutTAECeguvVujP-AyADJVo54kus";
const C: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDEyMCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJsNTBaVjNSaFhPVU9LVFpZS01UaXM0V3RhY2NqamI0Uk5jZGRxYTd2OUdjPSJ9.h9SsYftmm2BkGIhXpEHtsvgU7L1IjE1AiSJew0vWQzE";
const D: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDE4MCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiI2aUlZSjcwRGVIanl0T0kyd25qSnZPejFKMTVuRE9WS1VlZHFqWU9SekRJPSJ9.LeyRff0iDDWDoiU4HAH9fRKx2f8UXlgGYp4xBehWWKw";
const E: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDI0MCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJ0L29lSzJLekVScWxRMWhRWGtCdmlnRjlYeVdDQ2U5N09Bbzg2eG9mNnBvPSJ9.JEjwzzdVwIpkVQHzLj2LAhVXNobodGpjCAJfzQ4m2f4";
const F: &str = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDMwMCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJmZWVYbWtxcDVJWGNZWXZMak5ZN0FaYTdUY3I5Z3Z0QlZQckVMVWhGVzFJPSJ9.bf-pQDQQJqbrrb0G9xVdOUo-pCe5zuBjNQMP5VYplO9E7upSbwz7I-exJOzrcDsG3L3JWPJZ9MwTCrTSFFDCww";
const G: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDEyMC4yNSwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJsNTBaVjNSaFhPVU9LVFpZS01UaXM0V3RhY2NqamI0Uk5jZGRxYTd2OUdjPSJ9.GlL_RZkvb3_vqWzyfT2460UrTkYJFSy3rp8_4gQEMVs";

const QUERY: &str = "?host_name=LAB%20PC-%C3%9C1&product=SLF_PRODUCT_OFFICESCAN_CE";
const ISOLATE: &str =
    r#"{"entity_id":"6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90","act":"cmd_isolate_agent","allow_multiple_match":false}"#;
const RESTORE: &str = r#"{"host_name":"BÜRO-07","product":"SLF_PRODUCT_OFFICESCAN_CE","act":"cmd_restore_isolated_agent","allow_multiple_match":false}"#;

/// A window in which every one of the documented tokens is fresh.
const WIDE: &str = "[apex]\ntime_out = '10m'\nfuture_time_out = '10m'\n";

#[tokio::test]
async fn every_documented_token_is_let_in() {
    let room = Room::of_examples(WIDE).await;
    assert_eq!(room.ask("GET", AGENTS, "", A).await.told(), (200, 1));
    let filtered = room.ask("GET", &format!("{AGENTS}{QUERY}"), "", B).await.content();
    assert_eq!(filtered.len(), 1, "{filtered:?}");
    assert_eq!(filtered[0]["host_name"], "LAB PC-Ü1");
    assert_eq!(room.ask("POST", AGENTS, ISOLATE, C).await.content().len(), 1);
    assert_eq!(room.ask("POST", AGENTS, RESTORE, D).await.content()[0]["host_name"], "BÜRO-07");
    let traced = room.request("GET", SERVERS, E).header("API-Trace", "Run-42").header("Accept", "application/json");
    assert_eq!(Reply::of(traced.header("api-Batch", " 7 ")).await.told(), (200, 1));
    assert_eq!(room.ask("POST", AGENTS, ISOLATE, G).await.told(), (200, 1));
    // The seventh is for an API that is not simulated: the token is let in, and then there is nothing.
    let gone = "/WebApp/api/SuspiciousObjects/UserDefinedSO?type=domain&content=bad.example.net";
    assert_eq!(room.ask("DELETE", gone, "", F).await.status, 404);
}

#[tokio::test]
async fn every_plausible_mistake_in_a_checksum_is_found() {
    let room = Room::of_examples("").await;
    let get = |target: String| ("GET", target, "");
    let isolate = || ("POST", AGENTS.to_owned(), ISOLATE);
    let restore = ("POST", AGENTS.to_owned(), RESTORE);
    let mistakes = [
        (get(AGENTS.to_owned()), "XRCL3o08VfufbMEIAV6d+KT9sll7I3n14zCZlZ6GtcU="),
        (get(format!("{AGENTS}{QUERY}")), "q7FXvBEL3+qp3v0+K45n6rMYJlzfWfLe5+Zxm1RjwVM="),
        (get(format!("{AGENTS}{QUERY}")), "AxaSMQvlYFtKsr5/UVuIN3HNHFZ3BdSekzIiMOQWheU="),
        (get(format!("{AGENTS}{QUERY}")), "xSoLlQaKeFVAIthf0omlNgWQRfI4OGuutSdlp69rohY="),
        (isolate(), "2zH/ps8SrAk2AsTcdlfBmHZtQKKlgcTdUwSaMxerxa4="),
        (isolate(), "8/qhN4UAwkZWZ6W10271fCkDzr6J1jxyGlY+WMJQR/s="),
        (restore, "9/qCivusPsZagGVfRzR2+ZJ7CNSfKM5a2eLYKCfdnEU="),
    ];
    for ((method, target, body), checksum) in mistakes {
        let told = room.ask(method, &target, body, &token(KEY, NOW, checksum)).await;
        assert_eq!(told.told(), (401, -8), "{method} {target} {body}");
        assert_eq!(told.json()["result_content"], "", "{}", told.text);
    }
    assert!(room.console.fleet().hosts().iter().all(|host| host.puts == 0 && host.deletes == 0));
}

/// The head and the claims of a good token for the unfiltered list.
fn good() -> (Value, Value) {
    let claims = json!({"appid": APPLICATION, "iat": NOW, "version": "V1", "checksum": checksum("GET", AGENTS, "")});
    (json!({"alg": "HS256", "typ": "JWT"}), claims)
}

#[tokio::test]
async fn each_mistake_earns_its_code_and_the_first_in_order_holds() {
    let room = Room::of(1, "").await;
    let nobody = room.client.get(format!("{}{AGENTS}", room.console.base_url()));
    assert_eq!(Reply::of(nobody.try_clone().unwrap()).await.told(), (401, -2));
    assert_eq!(Reply::of(nobody.basic_auth(APPLICATION, Some(KEY))).await.told(), (401, -2));
    // From the last check to the first: each mistake is added to those from before.
    let (mut head, mut claims) = good();
    let mut key = KEY;
    let mut steps = Vec::new();
    let mut step = |name: &'static str, head: &Value, claims: &Value, key: &str, code: i64| {
        steps.push((name, sign(key, head, claims), code));
    };
    step("good", &head, &claims, key, 1);
    claims["checksum"] = json!("AAAA");
    step("checksum", &head, &claims, key, -8);
    claims["iat"] = json!(NOW - 200);
    step("too old", &head, &claims, key, -6);
    claims["iat"] = json!(NOW + 200);
    step("too new", &head, &claims, key, -6);
    key = "0a1b2c3d-4e5f-4061-8293-a4b5c6d7e8f9";
    step("key in lower case", &head, &claims, key, -7);
    claims["appid"] = json!("nobody");
    step("application", &head, &claims, key, -5);
    claims["version"] = json!("V2");
    step("version", &head, &claims, key, -4);
    head["alg"] = json!("none");
    step("algorithm", &head, &claims, key, -9);
    claims["iat"] = json!("now");
    step("claims", &head, &claims, key, -3);
    for (name, token, code) in steps {
        let status = if code == 1 { 200 } else { 401 };
        assert_eq!(room.ask("GET", AGENTS, "", &token).await.told(), (status, code), "{name}");
    }
    for token in ["x", "a.b.c", "a.b.c.d", &A.replace('.', "..")] {
        assert_eq!(room.ask("GET", AGENTS, "", token).await.told(), (401, -3), "{token}");
    }
    let (head, mut claims) = good();
    claims.as_object_mut().unwrap().remove("checksum");
    assert_eq!(room.ask("GET", AGENTS, "", &sign(KEY, &head, &claims)).await.told(), (401, -3));
}

#[tokio::test]
async fn claims_may_be_in_any_case_unless_the_console_is_strict() {
    let (head, mut claims) = good();
    let checksum = claims.as_object_mut().unwrap().remove("checksum").unwrap();
    claims["checkSum"] = checksum;
    let token = sign(KEY, &head, &claims);
    assert_eq!(Room::of(1, "").await.ask("GET", AGENTS, "", &token).await.told(), (200, 1));
    assert_eq!(Room::of(1, "apex.strict_claims = true").await.ask("GET", AGENTS, "", &token).await.told(), (401, -3));
}

#[tokio::test]
async fn a_body_with_a_get_is_signed_too_and_an_empty_query_is_none() {
    let room = Room::of(1, "").await;
    let sent = room.ask("GET", AGENTS, "\"\"", &token(KEY, NOW, &checksum("GET", AGENTS, "\"\""))).await;
    assert_eq!(sent.told(), (200, 1));
    let unsigned = room.ask("GET", AGENTS, "\"\"", &token(KEY, NOW, &checksum("GET", AGENTS, ""))).await;
    assert_eq!(unsigned.told(), (401, -8));
    let dangling = format!("{AGENTS}?");
    assert_eq!(room.ask("GET", &dangling, "", &token(KEY, NOW, &checksum("GET", AGENTS, ""))).await.told(), (200, 1));
}

#[tokio::test]
async fn the_clock_of_the_console_may_be_wrong_and_its_date_shows_it() {
    let room = Room::of(1, "apex.clock_offset = '-10m'").await;
    let late = Reply::of(room.signed("GET", AGENTS, "")).await;
    assert_eq!(late.told(), (401, -6));
    let date = jiff::fmt::rfc2822::parse(late.header("date")).unwrap().timestamp().as_second();
    assert!((NOW - 600..NOW - 500).contains(&date), "{date}");
    let corrected = token(KEY, date, &checksum("GET", AGENTS, ""));
    assert_eq!(room.ask("GET", AGENTS, "", &corrected).await.told(), (200, 1));
    let ahead = Room::of(1, "apex.clock_offset = '10m'\napex.time_out = '11m'").await;
    assert_eq!(Reply::of(ahead.signed("GET", AGENTS, "")).await.told(), (200, 1));
}

#[tokio::test]
async fn a_disabled_application_is_told_apart_from_a_wrong_key() {
    let room = Room::of(1, "apex.disabled = true").await;
    assert_eq!(Reply::of(room.signed("GET", AGENTS, "")).await.told(), (401, -5));
    let revoked = Room::of(1, "[[fault]]\nnth = 2\ndo = 'revoke'").await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(Reply::of(revoked.signed("GET", AGENTS, "")).await.told().1);
    }
    assert_eq!(codes, [1, -5, -5]);
}
