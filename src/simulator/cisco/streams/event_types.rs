//! The types of events that the console has.

use serde::Serialize;

/// One type of event.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::simulator::cisco) struct EventType {
    pub(in crate::simulator::cisco) id: u32,
    pub(in crate::simulator::cisco) name: &'static str,
    description: &'static str,
}

impl EventType {
    /// The type with this id.
    pub(super) fn find(id: u32) -> Option<&'static Self> {
        ALL.iter().find(|kind| kind.id == id)
    }
}

pub(super) const START_SUCCESS: u32 = 553_648_202;
pub(super) const START_FAILURE: u32 = 2_164_260_939;
pub(super) const STOP_SUCCESS: u32 = 553_648_204;
pub(super) const STOP_FAILURE: u32 = 2_164_260_941;

pub(super) const THREAT_DETECTED: u32 = 1_090_519_054;
pub(super) const THREAT_QUARANTINED: u32 = 553_648_143;
pub(super) const QUARANTINE_FAILURE: u32 = 2_164_260_880;
pub(super) const EXECUTED_MALWARE: u32 = 1_107_296_272;
pub(super) const CLOUD_IOC: u32 = 1_107_296_274;
pub(super) const EXPLOIT_PREVENTION: u32 = 1_090_519_103;
pub(super) const POLICY_UPDATE: u32 = 553_648_130;
pub(super) const THREAT_HUNTING: u32 = 1_107_296_344;

const fn kind(id: u32, name: &'static str, description: &'static str) -> EventType {
    EventType { id, name, description }
}

/// Every type, in the order in which the console tells them.
pub(in crate::simulator::cisco) const ALL: [EventType; 39] = [
    kind(THREAT_DETECTED, "Threat Detected", "A file was found to be malicious"),
    kind(THREAT_QUARANTINED, "Threat Quarantined", "A malicious file was put into quarantine"),
    kind(QUARANTINE_FAILURE, "Quarantine Failure", "A malicious file could not be put into quarantine"),
    kind(553_648_147, "Cloud Recall Detection", "A file that was let in turned out to be malicious"),
    kind(553_648_155, "Cloud Recall Quarantine Successful", "A recalled file was put into quarantine"),
    kind(2_164_260_893, "Cloud Recall Quarantine Attempt Failed", "A recalled file is still there"),
    kind(553_648_168, "Execution Blocked", "A program was kept from running"),
    kind(553_648_149, "Quarantined Item Restored", "A file was taken out of quarantine"),
    kind(CLOUD_IOC, "Cloud IOC", "What a host does looks like an attack"),
    kind(EXECUTED_MALWARE, "Executed malware", "A malicious program ran"),
    kind(1_107_296_278, "Threat Detected in Low Prevalence Executable", "A rare program is malicious"),
    kind(1_107_296_279, "Vulnerable Application Detected", "A program with known weaknesses ran"),
    kind(1_107_296_284, "Potential Ransomware", "Files are changed as ransomware does it"),
    kind(THREAT_HUNTING, "SecureX Threat Hunting Incident", "People found an attack"),
    kind(EXPLOIT_PREVENTION, "Exploit Prevention", "An exploit was stopped"),
    kind(1_090_519_105, "Malicious Activity Detection", "A program does what malware does"),
    kind(1_090_519_112, "System Process Protection", "A system process was protected"),
    kind(1_090_519_084, "DFC Threat Detected", "A connection to a bad address was seen"),
    kind(1_090_519_081, "Rootkit Detection", "A rootkit was found"),
    kind(1_090_519_102, "iOS Network Detection", "A phone asked for a bad address"),
    kind(POLICY_UPDATE, "Policy Update", "A host took its policy"),
    kind(2_164_260_866, "Policy Update Failure", "A host could not take its policy"),
    kind(554_696_714, "Scan Started", "A scan began"),
    kind(554_696_715, "Scan Completed, No Detections", "A scan found nothing"),
    kind(1_091_567_628, "Scan Completed With Detections", "A scan found something"),
    kind(2_165_309_453, "Scan Failed", "A scan came to no end"),
    kind(553_648_158, "Install Started", "A connector is being installed"),
    kind(553_648_166, "Uninstall", "A connector was removed"),
    kind(2_164_260_931, "Critical Fault Raised", "A connector does not protect its host"),
    kind(1_090_519_107, "Major Fault Raised", "A connector is impaired"),
    kind(553_648_195, "Minor Fault Raised", "A connector has a small fault"),
    kind(553_648_196, "Fault Cleared", "A fault is gone"),
    kind(START_SUCCESS, "Endpoint Isolation Start Success", "A host is off the network"),
    kind(START_FAILURE, "Endpoint Isolation Start Failure", "A host could not be isolated"),
    kind(STOP_SUCCESS, "Endpoint Isolation Stop Success", "A host is back on the network"),
    kind(STOP_FAILURE, "Endpoint Isolation Stop Failure", "A host could not be released"),
    kind(553_648_206, "Endpoint Isolation Update Success", "The rules of an isolation changed"),
    kind(2_164_260_943, "Endpoint Isolation Update Failure", "The rules of an isolation did not change"),
    kind(553_648_215, "Endpoint Isolation Unlock Limit Reached", "Too many wrong unlock codes"),
];
