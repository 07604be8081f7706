//! The one integration binary: the real program, in a sealed room, against a simulated console.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test that cannot go on has failed")]

mod support;
mod test_apex_clock;
mod test_apex_codes;
mod test_apex_faults;
mod test_apex_isolate;
mod test_apex_resume;
mod test_apex_safety;
mod test_apex_secrets;
mod test_apex_targets;
mod test_apex_trust;
mod test_auto;
mod test_auto_back;
mod test_back_cross;
mod test_back_expire;
mod test_back_meanwhile;
mod test_back_rerun;
mod test_back_undo;
mod test_back_wishes;
mod test_check_hosts;
mod test_clients;
mod test_config;
mod test_consent;
mod test_cyb_doubt;
mod test_cyb_faults;
mod test_cyb_indicators;
mod test_cyb_isolate;
mod test_cyb_sessions;
mod test_cyb_targets;
mod test_disk_full;
mod test_exit_codes;
mod test_faults;
mod test_fgt_bad_days;
mod test_fgt_block;
mod test_fgt_elsewhere;
mod test_fgt_feed;
mod test_fgt_feed_folder;
mod test_fgt_feed_hands;
mod test_fgt_from;
mod test_fgt_not_whole;
mod test_fgt_safety;
mod test_fgt_ssh;
mod test_fgt_ssh_bad_days;
mod test_fgt_ssh_trust;
mod test_fgt_undo;
mod test_floors;
mod test_hearing;
mod test_interrupt;
mod test_isolate;
mod test_ksc_ahead;
mod test_ksc_doubt;
mod test_ksc_faults;
mod test_ksc_isolate;
mod test_ksc_resume;
mod test_ksc_rotation;
mod test_ksc_switches;
mod test_ksc_targets;
mod test_ksc_tasks;
mod test_ksc_trust;
mod test_outputs;
mod test_plan;
mod test_plan_approval;
mod test_plan_bad_days;
mod test_plan_forged;
mod test_plan_options;
mod test_plan_stale;
mod test_plan_typed;
mod test_protection;
mod test_quota;
mod test_radius;
mod test_readme;
mod test_report;
mod test_report_page;
mod test_report_siem;
mod test_resolve;
mod test_resume;
mod test_safety;
mod test_strangers;
mod test_stream;
mod test_stream_places;
mod test_stream_rabbit;
mod test_streams;
mod test_targets;
mod test_unlock_code;
mod test_vendor_contract;
mod test_wait;
mod test_waves;

/// A test file that nobody lists would never run.
#[test]
fn every_test_file_is_listed() {
    let listed = include_str!("main.rs");
    let entries = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap();
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") {
            assert!(listed.contains(&format!("mod {module};")), "tests/{name} is not listed in tests/main.rs");
        }
    }
}
