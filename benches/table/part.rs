//! Parts of the program that are measured by themselves, each in a process of its own.
//!
//! The process that measures must stay small, because the system counts its memory for those that it starts. So it starts
//! itself anew for these. What fills a queue, and what the program is held against there, are such parts too.

use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use edrctl::{
    http::{HeaderMap, Method, Response, StatusCode},
    secret::Secret,
    vendors::apex_central::{Signer, agents_of},
};

use crate::{bare, process::median, rabbit, say};

/// Says which part; its number of things is the value.
const NAME: &str = "EDRCTL_BENCH_PART";

/// A part of the program.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// Reading a list of so many agents.
    Read(u32),
    /// Signing so many requests.
    Sign(u32),
}

/// How often each part is measured; the first time is to warm up.
const TIMES: usize = 21;

/// Measures a part: the median of how long it took. Both only compute, so that this is also their processor time.
pub(crate) fn measure(part: Part) -> Result<Duration> {
    let part = match part {
        Part::Read(count) => format!("read {count}"),
        Part::Sign(count) => format!("sign {count}"),
    };
    let output = command(&part)?.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`{part}` ended with {}", output.status);
    let seconds: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(Duration::from_secs_f64(seconds))
}

/// This program, started for one part.
pub(crate) fn command(part: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(NAME, part);
    Ok(command)
}

/// Carries out the part that this process was started for, if it was started for one.
pub(crate) fn asked_for() -> Option<ExitCode> {
    let part = std::env::var(NAME).ok()?;
    Some(match carry_out(&part) {
        Ok(seconds) => {
            drop(std::io::Write::write_all(&mut std::io::stdout(), format!("{seconds}\n").as_bytes()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    })
}

fn carry_out(part: &str) -> Result<f64> {
    let words: Vec<&str> = part.splitn(5, ' ').collect();
    let (deed, count) = match words[..] {
        ["publish", port, queue, from, to] => {
            rabbit::publish_at(port.parse()?, queue, from.parse()?..to.parse()?);
            return Ok(0.0);
        }
        ["consume", port, queue, count, ca] => {
            bare::drain(port.parse()?, Path::new(ca), queue, count.parse()?)?;
            return Ok(0.0);
        }
        [deed, count] => (deed, count.parse::<u32>()?),
        _ => bail!("`{part}` is no part"),
    };
    let once: Box<dyn Fn() -> Result<()>> = if deed == "read" { reading(count) } else { signing(count) };
    once()?;
    let mut all = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        once()?;
        all.push(begun.elapsed().as_secs_f64());
    }
    Ok(median(all))
}

/// An answer as a console sends it: each agent is some 550 bytes.
fn reading(count: u32) -> Box<dyn Fn() -> Result<()>> {
    let mut body = r#"{"result_code":1,"result_description":"Operation successful","result_content":["#.to_owned();
    for n in 0..count {
        let (high, low) = (n / 250 % 250, n % 250);
        let comma = if n == 0 { "" } else { "," };
        body.push_str(&format!(
            r#"{comma}{{"entity_id":"{n:08X}-7B3D-4E88-9A41-0D5E2C7F1B90","product":"SLF_PRODUCT_OFFICESCAN_CE","managing_server_id":"9D40B7E1-22AF-4C0B-8E65-71F3A8C95D02","ad_domain":"corp.example.test","folder_path":"Finance\\Second floor\\Desktops","ip_address_list":"10.20.{high}.{low},fe80::1c2d:3e4f:5a6b:{n:x}%4,2001:db8:1c2d:3e4f:5a6b::{n:x}","mac_address_list":"02-00-5E-10-{high:02X}-{low:02X},02-00-5E-11-{high:02X}-{low:02X}","host_name":"FIN-DESK-{n:06}","isolation_status":"normal","capabilities":["cmd_isolate_agent","cmd_restore_isolated_agent","cmd_relocate_agent","cmd_uninstall_agent"]}}"#
        ));
    }
    body.push_str("]}");
    let response = Response { status: StatusCode::OK, headers: HeaderMap::new(), body: body.into_bytes() };
    Box::new(move || {
        let page = agents_of(&response).context("the list cannot be read")?;
        ensure!(page.hosts.len() == count as usize, "{} of {count} agents", page.hosts.len());
        Ok(())
    })
}

fn signing(count: u32) -> Box<dyn Fn() -> Result<()>> {
    let key = Secret::new("0A1B2C3D-4E5F-4061-8293-A4B5C6D7E8F9".to_owned());
    let signer = Signer::new("1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1", &key);
    Box::new(move || {
        for n in 0..count {
            let body = format!(
                r#"{{"entity_id":"{n:08X}-7B3D-4E88-9A41-0D5E2C7F1B90","act":"cmd_isolate_agent","allow_multiple_match":false}}"#
            );
            let target = "/WebApp/API/AgentResource/ProductAgents";
            signer.token(&Method::POST, target, &[], body.as_bytes(), 1_700_000_000 + i64::from(n))?;
        }
        Ok(())
    })
}
