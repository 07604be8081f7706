//! A gate in front of a console: what a test closes, opens again, or leads elsewhere while a program is under way.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Passes bytes between clients and a console, and lets a test cut them off.
pub(crate) struct Gate {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Where new connections lead; `None` while the gate is closed.
    leads_to: Option<SocketAddr>,
    open: Vec<TcpStream>,
    connections: u64,
}

impl Gate {
    /// A gate that leads to this address, `https://127.0.0.1:PORT`.
    pub(crate) fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { leads_to: Some(address_of(url)), ..State::default() }));
        let shared = Arc::clone(&state);
        // The thread ends with the process: it owns nothing but the listener.
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                take(client, &shared);
            }
        });
        Self { address, state }
    }

    /// The address that a client is given.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Cuts every connection, and every new one at once.
    pub(crate) fn close(&self) {
        self.lead(None);
    }

    /// Cuts every connection, and leads new ones to this address.
    pub(crate) fn open(&self, url: &str) {
        self.lead(Some(address_of(url)));
    }

    /// How many connections were made, those that were cut at once included.
    pub(crate) fn connections(&self) -> u64 {
        self.lock().connections
    }

    fn lead(&self, to: Option<SocketAddr>) {
        let mut state = self.lock();
        state.leads_to = to;
        for stream in state.open.drain(..) {
            // One that is closed already cannot be closed again.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address_of(url: &str) -> SocketAddr {
    url.strip_prefix("https://").unwrap().parse().unwrap()
}

fn take(client: TcpStream, shared: &Mutex<State>) {
    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
    state.connections += 1;
    let Some(to) = state.leads_to else { return };
    let Ok(console) = TcpStream::connect(to) else { return };
    for stream in [&client, &console] {
        stream.set_nodelay(true).unwrap();
        state.open.push(stream.try_clone().unwrap());
    }
    for (mut from, mut into) in [(client.try_clone().unwrap(), console.try_clone().unwrap()), (console, client)] {
        thread::spawn(move || {
            // However it ends, both ends are told.
            drop(io::copy(&mut from, &mut into));
            drop(into.shutdown(Shutdown::Write));
            drop(from.shutdown(Shutdown::Read));
        });
    }
}
