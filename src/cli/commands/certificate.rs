//! `edrctl check --show-certificate`: what a console presents, before anything of ours is sent to it.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::{
        args::OutputFormat,
        context::Context,
        error::{CommandError, before_the_first_action},
        ui,
    },
    domain::failure::{Failure, FailureKind},
    engine::console::Halt,
    http::{self, ClientOptions, HttpErrorKind, Presented, Trust, Url},
    reporters::{clean::clean, json_text},
    vendors::VendorName,
};

/// How long the console may take.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// The key that pins a certificate, at consoles that have it.
const PIN_KEY: &str = "certificate_sha256";

/// The answer, as published.
#[derive(Serialize)]
struct CertificateV1<'a> {
    schema: &'static str,
    vendor: &'static str,
    console: &'a str,
    subject: &'a str,
    issuer: &'a str,
    not_before: String,
    not_after: String,
    names: &'a [String],
    public_key_sha256: String,
    certificate_sha256: String,
    self_signed: bool,
    is_ca: bool,
    chain_length: usize,
    pem: &'a str,
}

/// Shows the certificate of the console at this address. Nothing is sent to it.
pub(crate) async fn show(
    vendor: VendorName,
    url: &Url,
    through_proxy: bool,
    context: &Context,
) -> Result<(), CommandError> {
    let options = ClientOptions { trust: Trust::System, timeout: TIMEOUT, idle_connections: 0, proxy: through_proxy };
    let presented = http::presented(url, &options).await.map_err(|error| {
        let kind = match error.kind() {
            HttpErrorKind::Certificate => FailureKind::Certificate,
            HttpErrorKind::Timeout => FailureKind::Timeout,
            _ => FailureKind::Unreachable,
        };
        let halt = Halt::Failed(Failure::new(kind, error.to_string()));
        before_the_first_action(
            halt,
            &format!("read the certificate of {}", url.as_str()),
            vendor,
            (&vendor.driver().advice, "not used"),
        )
    })?;
    let text = match context.ui.output {
        OutputFormat::Human => human(vendor, url, &presented),
        OutputFormat::Jsonl | OutputFormat::Json => {
            json_text::to_line(&published(vendor, url, &presented)).unwrap_or_default()
        }
        OutputFormat::Csv => return Err(super::check::no_csv()),
    };
    ui::print(format!("{}\n", text.trim_end_matches('\n')).as_bytes())
}

fn published<'a>(vendor: VendorName, url: &'a Url, presented: &'a Presented) -> CertificateV1<'a> {
    CertificateV1 {
        schema: "edrctl.certificate/1",
        vendor: vendor.word(),
        console: url.as_str(),
        subject: &presented.subject,
        issuer: &presented.issuer,
        not_before: presented.not_before.to_string(),
        not_after: presented.not_after.to_string(),
        names: &presented.names,
        public_key_sha256: presented.public_key_sha256.to_string(),
        certificate_sha256: presented.certificate_sha256.to_string(),
        self_signed: presented.self_signed,
        is_ca: presented.is_ca,
        chain_length: presented.chain_length,
        pem: &presented.pem,
    }
}

fn human(vendor: VendorName, url: &Url, presented: &Presented) -> String {
    let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    let signer = if presented.self_signed { "itself" } else { presented.issuer.as_str() };
    let names = if presented.names.is_empty() { "none".to_owned() } else { presented.names.join(", ") };
    let mut lines = vec![
        format!("{vendor}: the certificate of {url}"),
        format!("  subject      {}", presented.subject),
        format!("  issued by    {signer}"),
        format!("  valid        {} to {}", day(presented.not_before), day(presented.not_after)),
        format!("  names        {names}"),
        format!("  public key   sha256:{}", presented.public_key_sha256),
        format!("  certificate  sha256:{}", presented.certificate_sha256),
    ];
    let pins = (vendor.driver().section)().keys().contains(&PIN_KEY);
    if pins {
        lines.push(
            "Compare it with what the console itself shows, on the machine that it runs on. If it is the same,".into(),
        );
        lines.push(format!("this line in `[{vendor}]` trusts exactly this key:"));
        lines.push(format!("{PIN_KEY} = \"{}\"", presented.public_key_sha256));
    }
    let lines: Vec<String> = lines.iter().map(|line| clean(line).into_owned()).collect();
    lines.join("\n")
}
