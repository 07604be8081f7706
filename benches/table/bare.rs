//! A consumer that is nothing but the library: it takes events, throws them away, and acknowledges many at once.
//!
//! It speaks over the program's own transport, because the library has no TLS in this tree.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use edrctl::http::{Trust, tls_config};
use futures::StreamExt as _;
use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
    uri::AMQPUri,
};
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use crate::{
    rabbit::PASSWORD,
    transport::{self, Io, Kit},
};

/// Deliveries that are not acknowledged yet, at most.
const PREFETCH: u16 = 1000;

/// So many are acknowledged at once: half, so that the queue goes on meanwhile.
const TOGETHER: u64 = 500;

/// Takes so many events out of a queue.
pub(crate) fn drain(port: u16, ca: &Path, queue: &str, count: u64) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(take(port, ca, queue, count))
}

async fn take(port: u16, ca: &Path, queue: &str, count: u64) -> Result<()> {
    let tls = tls_config(&Trust::Only(std::fs::read_to_string(ca)?))?;
    let (tcp, _fuse) = transport::dial("localhost", port).await?;
    let io = Io::tls("localhost", tcp, Arc::new(tls)).await?;
    let once = Mutex::new(Some(AsyncTcpStream::Plain(io.compat())));
    let connect = async move |_: AMQPUri, _| {
        let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        stream.ok_or_else(|| std::io::Error::other("this connection has ended").into())
    };
    let address = format!("amqp://{queue}:{PASSWORD}@localhost:{port}/%2f?heartbeat=20");
    let uri: AMQPUri = address.parse().map_err(anyhow::Error::msg)?;
    let runtime = async_rs::Runtime::new(Kit::current());
    #[expect(clippy::disallowed_methods, reason = "what the program is held against")]
    let connection = Connection::connector(uri, runtime, connect, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut consumer = channel.basic_consume(queue.into(), "bare".into(), options, FieldTable::default()).await?;
    for taken in 1..=count {
        let delivery = consumer.next().await.context("called off")??;
        if taken.is_multiple_of(TOGETHER) || taken == count {
            delivery.acker.ack(BasicAckOptions { multiple: true }).await?;
        }
    }
    Ok(connection.close(200, "done".into()).await?)
}
