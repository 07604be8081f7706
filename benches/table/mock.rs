//! nginx in the console's place: it answers every PUT at once, as the console answers one that it took.

use std::{
    fs::File,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::{process::Server, room::Room};

/// A mock that serves until it is dropped.
pub(crate) struct Mock {
    _server: Server,
    pub(crate) url: String,
    pub(crate) config: PathBuf,
    pub(crate) ca: PathBuf,
}

/// Credentials that the mock does not look at, so that both clients send some.
pub(crate) const CLIENT_ID: &str = "0123456789abcdef0123";
pub(crate) const API_KEY: &str = "6f1d3a52-9c1b-4a3e-8f00-2b7c5d9e1a44";

impl Mock {
    pub(crate) fn start(room: &Room) -> Result<Self> {
        let issued = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let ca = room.file("mock.pem", &issued.cert.pem())?;
        let key = room.file("mock.key", &issued.signing_key.serialize_pem())?;
        // The system picks a free port; between this line and nginx's start it may be taken, and then nginx says so.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = room.path().display();
        let settings = format!(
            r#"daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {ca};
        ssl_certificate_key {key};
        default_type application/json;
        location = /v1/version {{
            return 200 '{{"version":"v1.2.0","metadata":{{"links":{{"self":"https://$host$uri"}}}},"data":{{}}}}';
        }}
        location ~ ^/v1/computers/[-0-9a-f]+/isolation$ {{
            return 200 '{{"version":"v1.2.0","metadata":{{"links":{{"self":"https://$host$uri"}}}},"data":{{"available":true,"status":"pending_start","unlock_code":"k7h2qz","comment":null,"isolated_by":"Bench"}}}}';
        }}
        location / {{
            return 404 '{{"version":"v1.2.0","data":{{}},"errors":[{{"error_code":404,"description":"Not Found","details":["no such path"]}}]}}';
        }}
    }}
}}
"#,
            ca = ca.display(),
            key = key.display(),
        );
        let settings = room.file("nginx.conf", &settings)?;
        let said = room.at("nginx.txt");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(room.path()).arg("-e").arg("stderr").arg("-c").arg(&settings);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&said)?);
        let server = Server::start(&mut command)?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                bail!("nginx does not listen: {}", std::fs::read_to_string(&said)?);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let url = format!("https://127.0.0.1:{port}");
        let config = format!(
            "[cisco]\nbase_url = \"{url}\"\nclient_id = \"{CLIENT_ID}\"\napi_key = \"{API_KEY}\"\nca_file = \"{}\"\n",
            ca.display()
        );
        let config = room.file("mock.toml", &config)?;
        Ok(Self { _server: server, url, config, ca })
    }
}
