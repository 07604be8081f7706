//! What each method of a client does.

use std::{io, sync::Arc, time::Duration};

use amq_protocol::{
    protocol::{AMQPClass, basic, channel, connection, queue},
    types::{AMQPValue, FieldTable},
};

use super::{
    channel::{Channel, Verdict},
    connection::{Connection, Phase},
    frames::short,
    queue::Queue,
    refusal::Refusal,
};
use crate::simulator::faults::StreamDeed;

/// How many channels a connection may have.
const CHANNEL_MAX: u16 = 2047;

/// The least that a frame must be able to hold.
const LEAST_FRAME: u32 = 4096;

type Judged = Result<(), Refusal>;

/// Greets a client.
pub(super) fn start(connection: &mut Connection) -> io::Result<()> {
    let mut capabilities = FieldTable::default();
    for name in ["basic.nack", "consumer_cancel_notify", "authentication_failure_close", "per_consumer_qos"] {
        capabilities.insert(short(name), AMQPValue::Boolean(true));
    }
    let mut properties = FieldTable::default();
    properties.insert(short("product"), AMQPValue::LongString("edrctl simulated broker".into()));
    properties.insert(short("capabilities"), AMQPValue::FieldTable(capabilities));
    connection.phase = Phase::Login;
    let start = connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: properties,
        mechanisms: "PLAIN".into(),
        locales: "en_US".into(),
    };
    connection.output.method(0, AMQPClass::Connection(connection::AMQPMethod::Start(start)))
}

/// The broker takes a consumer away.
pub(super) fn cancel(tag: &str) -> AMQPClass {
    AMQPClass::Basic(basic::AMQPMethod::Cancel(basic::Cancel { consumer_tag: short(tag), nowait: true }))
}

/// The client closes.
pub(super) fn agree_to_close(connection: &mut Connection) -> io::Result<()> {
    connection.closed();
    let agreed = connection::AMQPMethod::CloseOk(connection::CloseOk {});
    connection.output.method(0, AMQPClass::Connection(agreed))
}

/// Does what a method asks; `closing` if the broker has closed this channel.
pub(super) fn handle(
    connection: &mut Connection,
    channel: u16,
    method: &AMQPClass,
    closing: bool,
) -> io::Result<Judged> {
    match method {
        AMQPClass::Connection(method) if channel == 0 => on_connection(connection, method),
        _ if connection.phase != Phase::Open || channel == 0 => Ok(Err(unexpected())),
        AMQPClass::Channel(channel::AMQPMethod::CloseOk(_)) if closing => {
            connection.channels.remove(&channel);
            Ok(Ok(()))
        }
        AMQPClass::Channel(channel::AMQPMethod::Close(_)) => {
            connection.channels.remove(&channel);
            let agreed = channel::AMQPMethod::CloseOk(channel::CloseOk {});
            connection.output.method(channel, AMQPClass::Channel(agreed)).map(Ok)
        }
        _ if closing => Ok(Ok(())),
        AMQPClass::Channel(channel::AMQPMethod::Open(_)) => open_channel(connection, channel),
        _ if !connection.channels.contains_key(&channel) => {
            Ok(Err(Refusal::connection(504, format!("channel {channel} is not open"))))
        }
        AMQPClass::Channel(channel::AMQPMethod::Flow(flow)) => {
            let flow = channel::AMQPMethod::FlowOk(channel::FlowOk { active: flow.active });
            connection.output.method(channel, AMQPClass::Channel(flow)).map(Ok)
        }
        AMQPClass::Queue(queue::AMQPMethod::Declare(declare)) => declare_queue(connection, channel, declare),
        AMQPClass::Basic(method) => on_basic(connection, channel, method),
        AMQPClass::Queue(_) | AMQPClass::Exchange(_) | AMQPClass::Access(_) => {
            Ok(Err(Refusal::channel(403, "this user may only read its own queue")))
        }
        _ => Ok(Err(Refusal::connection(540, "not implemented"))),
    }
}

fn unexpected() -> Refusal {
    Refusal::connection(503, "a method that is not for now")
}

fn on_connection(connection: &mut Connection, method: &connection::AMQPMethod) -> io::Result<Judged> {
    match (method, connection.phase) {
        (connection::AMQPMethod::StartOk(start_ok), Phase::Login) => log_in(connection, start_ok),
        (connection::AMQPMethod::TuneOk(tune_ok), Phase::Tuning) => {
            if tune_ok.frame_max > 0 {
                connection.frame_max = tune_ok.frame_max.clamp(LEAST_FRAME, connection.frame_max);
            }
            connection.heartbeat = Duration::from_secs(tune_ok.heartbeat.into());
            connection.phase = Phase::Opening;
            Ok(Ok(()))
        }
        (connection::AMQPMethod::Open(open), Phase::Opening) => {
            if open.virtual_host.as_str() != "/" {
                return Ok(Err(Refusal::connection(530, format!("vhost '{}' not found", open.virtual_host))));
            }
            connection.phase = Phase::Open;
            let opened = connection::AMQPMethod::OpenOk(connection::OpenOk {});
            connection.output.method(0, AMQPClass::Connection(opened)).map(Ok)
        }
        (connection::AMQPMethod::Close(_), _) => agree_to_close(connection).map(Ok),
        (connection::AMQPMethod::Blocked(_) | connection::AMQPMethod::Unblocked(_), _) => Ok(Ok(())),
        _ => Ok(Err(unexpected())),
    }
}

/// Looks at the credentials.
fn log_in(connection: &mut Connection, start_ok: &connection::StartOk) -> io::Result<Judged> {
    let refused = || Refusal::connection(403, "login was refused using authentication mechanism PLAIN");
    let found = (start_ok.mechanism.as_str() == "PLAIN")
        .then(|| connection.shared.log_in(start_ok.response.as_bytes()))
        .flatten();
    let title = found.as_ref().map(|queue| queue.title());
    if connection.shared.script.connection(StreamDeed::Refuse, title.as_deref()) {
        return Ok(Err(refused()));
    }
    let Some(queue) = found else { return Ok(Err(refused())) };
    connection.own = Some(queue);
    connection.phase = Phase::Tuning;
    let heartbeat = u16::try_from(connection.shared.faults.heartbeat.0.as_secs()).unwrap_or(u16::MAX);
    let tune = connection::Tune { channel_max: CHANNEL_MAX, frame_max: connection.frame_max, heartbeat };
    connection.output.method(0, AMQPClass::Connection(connection::AMQPMethod::Tune(tune))).map(Ok)
}

fn open_channel(connection: &mut Connection, channel: u16) -> io::Result<Judged> {
    if channel > CHANNEL_MAX || connection.channels.contains_key(&channel) {
        return Ok(Err(Refusal::connection(504, format!("channel {channel} cannot be opened"))));
    }
    connection.channels.insert(channel, Channel::default());
    let opened = channel::AMQPMethod::OpenOk(channel::OpenOk {});
    connection.output.method(channel, AMQPClass::Channel(opened)).map(Ok)
}

fn declare_queue(connection: &mut Connection, channel: u16, declare: &queue::Declare) -> io::Result<Judged> {
    if !declare.passive {
        return Ok(Err(Refusal::foreign(declare.queue.as_str())));
    }
    let found = match find(connection, declare.queue.as_str()) {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if declare.nowait {
        return Ok(Ok(()));
    }
    let (message_count, consumer_count) = found.sizes();
    let declared = queue::DeclareOk { queue: declare.queue.clone(), message_count, consumer_count };
    connection.output.method(channel, AMQPClass::Queue(queue::AMQPMethod::DeclareOk(declared))).map(Ok)
}

/// The queue with this name, if it is the user's own.
fn find(connection: &Connection, name: &str) -> Result<Arc<Queue>, Refusal> {
    match &connection.own {
        Some(own) if own.name() == name && !own.is_deleted() => Ok(Arc::clone(own)),
        _ if connection.shared.has_queue(name) => Err(Refusal::foreign(name)),
        _ => Err(Refusal::no_queue(name)),
    }
}

fn on_basic(connection: &mut Connection, id: u16, method: &basic::AMQPMethod) -> io::Result<Judged> {
    let found = match method {
        basic::AMQPMethod::Consume(consume) => Some(consume.queue.as_str()),
        basic::AMQPMethod::Get(get) => Some(get.queue.as_str()),
        _ => None,
    };
    let found = match found.map(|name| find(connection, name)).transpose() {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Connection { channels, output, frame_max, signal, .. } = connection;
    let Some(channel) = channels.get_mut(&id) else { return Ok(Err(unexpected())) };
    let answer = match (method, found) {
        (basic::AMQPMethod::Qos(qos), _) => {
            channel.set_prefetch(qos);
            Some(basic::AMQPMethod::QosOk(basic::QosOk {}))
        }
        (basic::AMQPMethod::Consume(consume), Some(queue)) => {
            let tag = match channel.consume(&queue, consume) {
                Ok(tag) => tag,
                Err(refusal) => return Ok(Err(refusal)),
            };
            queue.listen(signal);
            let begun = basic::AMQPMethod::ConsumeOk(basic::ConsumeOk { consumer_tag: short(&tag) });
            (!consume.nowait).then_some(begun)
        }
        (basic::AMQPMethod::Get(get), Some(queue)) => {
            channel.get(id, &queue, get.no_ack, output, *frame_max)?;
            None
        }
        (basic::AMQPMethod::Cancel(cancel), _) => {
            channel.cancel(cancel.consumer_tag.as_str());
            let done = basic::AMQPMethod::CancelOk(basic::CancelOk { consumer_tag: cancel.consumer_tag.clone() });
            (!cancel.nowait).then_some(done)
        }
        // Agrees that a consumer was cancelled.
        (basic::AMQPMethod::CancelOk(_), _) => None,
        (basic::AMQPMethod::Ack(ack), _) => {
            return Ok(channel.settle(ack.delivery_tag, ack.multiple, Verdict::Acknowledged));
        }
        (basic::AMQPMethod::Nack(nack), _) => {
            return Ok(channel.settle(nack.delivery_tag, nack.multiple, put_back(nack.requeue)));
        }
        (basic::AMQPMethod::Reject(reject), _) => {
            return Ok(channel.settle(reject.delivery_tag, false, put_back(reject.requeue)));
        }
        (basic::AMQPMethod::Recover(_), _) => {
            channel.recover();
            Some(basic::AMQPMethod::RecoverOk(basic::RecoverOk {}))
        }
        (basic::AMQPMethod::RecoverAsync(_), _) => {
            channel.recover();
            None
        }
        (basic::AMQPMethod::Publish(_), _) => return Ok(Err(Refusal::channel(403, "this user may not publish"))),
        _ => return Ok(Err(unexpected())),
    };
    match answer {
        Some(answer) => output.method(id, AMQPClass::Basic(answer)).map(Ok),
        None => Ok(Ok(())),
    }
}

const fn put_back(requeue: bool) -> Verdict {
    if requeue { Verdict::Requeued } else { Verdict::Rejected }
}
