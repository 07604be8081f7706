use super::*;
use crate::simulator::faults::Faults;

const ISOLATE: Change<'static> = Change { isolate: true, comment: None, unlock_code: None };
const RELEASE: Change<'static> = Change { isolate: false, comment: None, unlock_code: None };

fn truth(fleet: Fleet, faults: &str) -> Truth {
    let script = Script::new(&Faults::parse(faults).unwrap(), &fleet).unwrap();
    Truth::new(fleet, script, Timestamp::UNIX_EPOCH)
}

fn one(faults: &str) -> (Truth, Guid) {
    let fleet = Fleet::of_size(1);
    let guid = fleet.guid(0);
    (truth(fleet, faults), guid)
}

fn accepted(truth: &Truth, guid: Guid, change: Change<'_>) -> bool {
    matches!(truth.change(guid, change), Judged::Accepted { .. })
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

fn now(truth: &Truth) -> Isolation {
    truth.hosts()[0].state
}

#[tokio::test(start_paused = true)]
async fn a_host_confirms_after_two_seconds() {
    let (truth, guid) = one("");
    pass(5).await;
    assert!(accepted(&truth, guid, ISOLATE));
    pass(1).await;
    assert_eq!(now(&truth), Isolation::Isolating);
    pass(1).await;
    assert_eq!(now(&truth), Isolation::Isolated);
    pass(100_000).await;
    assert_eq!(now(&truth), Isolation::Isolated);
    assert!(accepted(&truth, guid, RELEASE));
    assert_eq!(now(&truth), Isolation::Releasing);
    assert_eq!(truth.isolated(), 1, "it is off the network until it confirms");
    pass(2).await;
    assert_eq!(now(&truth), Isolation::NotIsolated);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_away_never_confirms() {
    let (truth, guid) = one("confirm = [{ how = 'never' }]");
    assert!(accepted(&truth, guid, ISOLATE));
    pass(1_000_000).await;
    assert_eq!(now(&truth), Isolation::Isolating);
}

#[tokio::test(start_paused = true)]
async fn a_host_seen_last_at_a_given_time_is_away() {
    let fleet = Fleet::from_text("hostname,last_seen\nold,2020-01-01T00:00:00Z\n").unwrap();
    let guid = fleet.guid(0);
    let truth = truth(fleet, "");
    assert!(accepted(&truth, guid, ISOLATE));
    pass(1000).await;
    assert_eq!(now(&truth), Isolation::Isolating);
}

#[tokio::test(start_paused = true)]
async fn a_start_can_fail_and_the_host_falls_back() {
    let (truth, guid) = one("confirm = [{ how = 'start_failure', after = '3s' }]");
    assert!(accepted(&truth, guid, ISOLATE));
    pass(2).await;
    assert_eq!(now(&truth), Isolation::Isolating);
    pass(1).await;
    assert_eq!(now(&truth), Isolation::NotIsolated);
    assert!(accepted(&truth, guid, ISOLATE), "it can be asked again");
}

#[tokio::test(start_paused = true)]
async fn a_stop_can_fail_and_the_host_falls_back() {
    let (truth, guid) = one("confirm = [{ how = 'stop_failure', after = '3s' }]");
    assert!(accepted(&truth, guid, ISOLATE));
    pass(3).await;
    assert!(accepted(&truth, guid, RELEASE));
    assert_eq!(now(&truth), Isolation::Releasing);
    pass(3).await;
    assert_eq!(now(&truth), Isolation::Isolated);
}

#[tokio::test(start_paused = true)]
async fn a_host_can_be_unlocked_on_the_spot() {
    let (truth, guid) = one("confirm = [{ how = 'local_unlock', after = '1s', unlock_after = '5s' }]");
    assert!(accepted(&truth, guid, ISOLATE));
    pass(1).await;
    assert_eq!(now(&truth), Isolation::Isolated);
    pass(5).await;
    assert_eq!(now(&truth), Isolation::NotIsolated);
    assert_eq!((truth.hosts()[0].puts, truth.hosts()[0].deletes), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_confirmation_that_fits_a_host_holds() {
    let fleet = Fleet::of_size(2);
    let (first, second) = (fleet.guid(0), fleet.guid(1));
    let text = format!("[[confirm]]\nhow = 'never'\nhosts = ['{first}']\n[[confirm]]\nafter = '9s'\n");
    let truth = truth(fleet, &text);
    assert!(accepted(&truth, first, ISOLATE) && accepted(&truth, second, ISOLATE));
    pass(9).await;
    let states: Vec<_> = truth.hosts().into_iter().map(|host| host.state).collect();
    assert_eq!(states, [Isolation::Isolating, Isolation::Isolated]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_counted_and_changes_nothing() {
    let (truth, guid) = one("");
    assert!(matches!(truth.change(guid, RELEASE), Judged::Already));
    assert!(matches!(truth.change(Guid(1), ISOLATE), Judged::NoSuchHost));
    assert!(accepted(&truth, guid, Change { comment: Some("why"), ..ISOLATE }));
    assert!(matches!(truth.change(guid, Change { comment: Some("again"), ..ISOLATE }), Judged::Changing));
    pass(2).await;
    assert!(matches!(truth.change(guid, ISOLATE), Judged::Already));
    let host = truth.host(&guid.to_string()).unwrap();
    assert_eq!((host.puts, host.puts_accepted, host.deletes, host.deletes_accepted), (3, 1, 1, 0));
    assert_eq!((host.comment.as_deref(), truth.comments_received()), (Some("why"), 1));
    assert_eq!(truth.state_of("no guid"), None);
}

#[tokio::test(start_paused = true)]
async fn a_console_may_hear_of_a_request_late() {
    let (truth, _) = one("confirm = [{ after = '10s' }]");
    let lag = Duration::from_secs(3);
    let told = || truth.told(&truth.lock(), 0, lag);
    let ask = |deed: agents::Deed| truth.begin(&mut truth.lock(), 0, &deed);
    pass(1).await;
    ask(agents::Deed::Isolate);
    pass(2).await;
    assert_eq!((told(), now(&truth)), (Isolation::NotIsolated, Isolation::Isolating));
    pass(1).await;
    assert_eq!(told(), Isolation::Isolating);
    ask(agents::Deed::Restore);
    assert_eq!((told(), now(&truth)), (Isolation::Isolating, Isolation::Releasing));
    assert_eq!(truth.isolated(), 0, "it has not left the network yet");
    pass(3).await;
    assert_eq!(told(), Isolation::Releasing);
    ask(agents::Deed::Isolate);
    pass(10).await;
    assert_eq!((told(), truth.isolated()), (Isolation::Isolated, 1));
    ask(agents::Deed::Restore);
    ask(agents::Deed::Isolate);
    assert_eq!((now(&truth), truth.isolated()), (Isolation::Isolating, 1), "it is still off the network");
}

#[test]
fn a_host_named_by_its_id_costs_less_than_fifty_bytes() {
    let per_host = size_of::<State>() + size_of::<Guid>() + size_of::<u32>();
    assert!(per_host <= 50, "{per_host}");
    let ids: Vec<String> = (0..10_000).map(|number| Guid::of_number(number).to_string()).collect();
    let fleet = Fleet::of_targets(ids.iter().map(|id| crate::simulator::Wanted { id: Some(id), ..Default::default() }));
    let fleet = fleet.unwrap();
    assert!((0..10_000).all(|number| fleet.said(number).is_none()), "nothing is kept of a host but its id");
}
