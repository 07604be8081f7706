//! Whoever stands where the console should: credentials are never sent there.

use edrctl::simulator::faults::Endpoint;

use crate::support::{Console, Gate, Room, wait_until};

#[test]
fn a_next_link_to_another_host_is_not_followed() {
    let stranger = Console::new(3, "");
    let gate = Gate::to(stranger.inner().base_url());
    for names in [true, false] {
        let faults = format!(
            "[listing]\npage_size = 2\n[[fault]]\nendpoint = \"computers\"\ndo = {{ next_link = \"{}\" }}\n",
            gate.url()
        );
        let room = Room::new(5, &faults);
        if names {
            let hosts = room.console.fleet().hosts();
            room.env.file("hosts.txt", hosts.iter().map(|host| format!("{}\n", host.name)).collect::<String>());
            let output = room.isolate(&[]).exits(4);
            assert!(output.stderr.contains("the credentials are not sent there"), "{output}");
            assert_eq!(room.puts(), 0);
            room.env.run(["hosts", "--vendor", "cisco"]).exits(4);
        } else {
            // Met while accepted work is confirmed.
            let output = room.isolate(&["--wait=5s"]).exits(7);
            assert!(output.stderr.contains("the credentials are not sent there"), "{output}");
            assert_eq!(output.outcomes()["accepted"], 5, "{output}");
            room.assert_each_isolated_once();
        }
    }
    assert_eq!(gate.connections(), 0);
    assert_eq!(stranger.stats().total(), 0);
}

#[test]
fn a_redirect_is_not_followed() {
    let stranger = Console::new(3, "");
    let gate = Gate::to(stranger.inner().base_url());
    for (method, code) in [("GET", 4), ("PUT", 6)] {
        let faults = format!("[[fault]]\nmethod = \"{method}\"\ndo = {{ redirect = \"{}\" }}\n", gate.url());
        let room = Room::new(3, &faults);
        let output = room.isolate(&[]).exits(code);
        assert!(format!("{output}").contains("redirect"), "{output}");
        assert_eq!(room.puts(), 0);
    }
    assert_eq!(gate.connections(), 0);
}

#[test]
fn a_certificate_of_another_authority_is_refused_before_anything_is_sent() {
    let room = Room::new(3, "");
    let other = Console::new(3, "");
    std::fs::write(room.env.path().join("ca.pem"), other.ca_pem()).unwrap();
    let output = room.isolate(&[]).exits(4);
    assert!(output.stderr.contains("certificate"), "{output}");
    assert!(output.stderr.contains("ca_file"), "{output}");
    assert_eq!(room.console.stats().total(), 0);
    // Turned off on purpose, it is told on every run.
    room.env.add_config("insecure = true");
    let output = room.isolate(&[]).exits(0);
    assert!(output.stderr.contains("not verified"), "{output}");
}

#[test]
fn a_certificate_that_changes_in_the_middle_stops_the_run() {
    let room = Room::new(40, "latency = \"20ms\"\n");
    let stranger = Console::new(40, "");
    let gate = Gate::to(room.console.inner().base_url());
    room.env.configure_behind(&gate, &room.console);
    let child = room.start_isolate(&["--concurrency", "2"]);
    wait_until("the console to have accepted some", || room.accepted() >= 5);
    gate.open(stranger.inner().base_url());
    let output = room.env.finish(child).exits(7);
    assert!(output.stderr.contains("certificate"), "{output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    assert_eq!(stranger.stats().total(), 0, "nothing was sent to whoever took the console's place");
    room.resume(&[]).exits(4);
    gate.open(room.console.inner().base_url());
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn a_console_that_is_not_there_is_told_before_anything_is_sent() {
    let mut room = Room::new(3, "");
    let url = room.console.inner().base_url().to_owned();
    room.console.stop();
    let output = room.isolate_list("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6\n").exits(4);
    assert!(output.stderr.contains("nothing listens there"), "{output}");
    assert!(output.stderr.contains(&url), "{output}");
    assert!(output.stderr.contains("hint:"), "{output}");
    assert!(room.env.journals().is_empty());
}

#[test]
fn wrong_credentials_are_refused_before_anything_is_sent() {
    let mut room = Room::new(3, "");
    room.env.set("EDRCTL_CISCO_API_KEY", "11111111-2222-3333-4444-555555555555");
    let output = room.isolate(&[]).exits(4);
    assert!(output.stderr.contains("EDRCTL_CISCO_API_KEY"), "{output}");
    assert!(!format!("{output}").contains("11111111-2222"), "{output}");
    assert_eq!(room.console.stats().requests("PUT", Endpoint::Isolation), 0);
    assert_eq!(room.console.stats().total(), 1, "a refusal is not asked for twice");
}
