//! Every switch of the broker.

use super::*;

const FIVE: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A rule that fires once, at the second delivery.
fn at_second(deed: &str) -> String {
    format!("[[stream_fault]]\ndo = {deed}\nnth = 2")
}

#[tokio::test]
async fn a_connection_can_be_closed_after_so_many_deliveries() {
    let room = Room::with(&at_second("{ close = 320 }")).await;
    room.publish(FIVE);
    let mut client = room.consumer(0).await;
    assert_eq!(client.texts(2).await, ["a", "b"]);
    assert_eq!(connection_close(&client.method().await), 320);
    // What it held is free before the client agrees.
    until(|| room.counts().ready == 5).await;
    client.send(0, AMQPClass::Connection(connection::AMQPMethod::CloseOk(connection::CloseOk {}))).await;
    let mut client = room.consumer(0).await;
    assert_eq!(client.texts(5).await, FIVE);
}

#[tokio::test]
async fn a_channel_can_be_closed_after_so_many_deliveries() {
    let room = Room::with(&at_second("{ close_channel = 406 }")).await;
    room.publish(FIVE);
    let mut client = room.consumer(0).await;
    client.texts(2).await;
    assert_eq!(channel_close(&client.method().await), 406);
    until(|| room.counts().ready == 5).await;
    client.send(1, AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))).await;
    client.open_channel(1).await;
    client.close().await;
}

#[tokio::test]
async fn a_connection_can_be_cut() {
    let room = Room::with(&at_second("'cut'")).await;
    room.publish(FIVE);
    let mut client = room.consumer(0).await;
    let error = loop {
        match client.frame().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_ne!(error.to_string(), "an orderly end");
    until(|| room.counts().ready == 5).await;
}

#[tokio::test]
async fn a_connection_can_stall_and_what_it_held_is_free_once_the_client_leaves() {
    let room = Room::with(&at_second("'stall'")).await;
    room.publish(FIVE);
    let mut client = room.consumer(0).await;
    until(|| room.counts().delivered == 2).await;
    client.send_frame(&AMQPFrame::Heartbeat).await;
    assert_eq!(room.counts().unacknowledged, 2);
    drop(client);
    until(|| room.counts().ready == 5).await;
}

#[tokio::test]
async fn an_event_can_be_delivered_twice() {
    let room = Room::with(&at_second("'duplicate'")).await;
    room.publish(FIVE);
    let mut client = room.consumer(0).await;
    assert_eq!(client.texts(6).await, ["a", "b", "b", "c", "d", "e"]);
    client.ack(0, true).await;
    client.settle().await;
    let counts = room.counts();
    assert_eq!((counts.published, counts.acknowledged, counts.redelivered), (6, 6, 0));
}

#[tokio::test]
async fn a_consumer_can_be_cancelled() {
    let room = Room::with(&at_second("'cancel'")).await;
    room.publish(FIVE);
    let mut client = room.consumer(0).await;
    client.texts(2).await;
    assert!(is_cancel(&client.method().await));
    client.settle().await;
    assert_eq!((room.counts().ready, room.counts().consumers), (3, 0));
}

#[tokio::test]
async fn a_stream_can_be_deleted_while_it_is_consumed() {
    let room = Room::with(&at_second("'delete'")).await;
    room.publish(FIVE);
    let mut client = room.consumer(0).await;
    client.texts(2).await;
    while !is_cancel(&client.method().await) {}
    assert!(room.streams.ids().is_empty());
}

#[tokio::test]
async fn credentials_can_be_refused_from_some_time_on() {
    let room = Room::with("[[stream_fault]]\ndo = 'refuse'\nstream = 'soc'\nafter = 1").await;
    room.open().await.close().await;
    for _ in 0..2 {
        let mut client = room.dial().await.unwrap();
        client.greet().await;
        client.say_who("PLAIN", &room.access.user_name, &room.access.password).await;
        assert_eq!(connection_close(&client.method().await), 403);
    }
}

#[tokio::test]
async fn tls_can_be_refused() {
    let room = Room::with("[[stream_fault]]\ndo = 'no_tls'\ntimes = 2").await;
    assert!(room.dial().await.is_err());
    assert!(room.dial().await.is_err());
    room.open().await.close().await;
    assert_eq!(room.streams.connections_made(), 3);
}

#[tokio::test]
async fn a_rule_for_one_stream_leaves_others_alone() {
    let room = Room::with("[[stream_fault]]\ndo = 'cancel'\nstream = 'another'").await;
    room.publish(FIVE);
    assert_eq!(room.consumer(0).await.texts(5).await, FIVE);
}

#[tokio::test]
async fn a_rule_can_fire_every_so_often() {
    let room = Room::with("[[stream_fault]]\ndo = 'duplicate'\nevery = 2\ntimes = 2").await;
    room.publish(FIVE);
    assert_eq!(room.consumer(0).await.texts(7).await, ["a", "b", "b", "c", "c", "d", "e"]);
}

#[tokio::test]
async fn every_connection_can_be_closed_or_cut_by_a_test() {
    let room = Room::with("").await;
    let (mut first, mut second) = (room.consumer(1).await, room.consumer(1).await);
    room.streams.close_connections(541, "a test");
    assert_eq!(connection_close(&first.method().await), 541);
    assert_eq!(connection_close(&second.method().await), 541);
    drop((first, second));
    until(|| room.streams.connections() == 0).await;
    let mut client = room.consumer(1).await;
    room.streams.cut_connections();
    assert_ne!(client.frame().await.unwrap_err().to_string(), "an orderly end");
}

#[tokio::test]
async fn a_console_that_stops_closes_its_connections() {
    let room = Room::with("").await;
    let mut client = room.consumer(1).await;
    let stopped = tokio::spawn(room.console.stop());
    assert_eq!(connection_close(&client.method().await), 320);
    drop(client);
    stopped.await.unwrap();
}

#[tokio::test]
async fn an_event_that_is_held_too_long_closes_the_channel() {
    let room = Room::with("streams.ack_timeout = '20ms'").await;
    room.publish(["a"]);
    let mut client = room.consumer(1).await;
    client.texts(1).await;
    assert_eq!(channel_close(&client.method().await), 406);
    until(|| room.counts().ready == 1).await;
}

#[tokio::test]
async fn heartbeats_come_at_half_of_the_time_that_was_agreed_on() {
    let room = Room::with("streams.heartbeat = '1s'").await;
    let mut client = room.dial().await.unwrap();
    let tune = client.log_in(&room.access.user_name, &room.access.password, 0, 1).await;
    assert_eq!(tune.heartbeat, 1);
    assert_eq!(client.frame().await.unwrap(), AMQPFrame::Heartbeat);
    // The client says nothing, and is taken for gone.
    until(|| room.streams.connections() == 0).await;
}

#[tokio::test]
async fn heartbeats_can_be_missing() {
    let room = Room::with("streams = { heartbeat = '1s', send_heartbeats = false }").await;
    let mut client = room.dial().await.unwrap();
    client.log_in(&room.access.user_name, &room.access.password, 0, 1).await;
    let error = client.frame().await.unwrap_err();
    assert_ne!(error.to_string(), "an orderly end");
}

#[tokio::test]
async fn deliveries_can_be_late() {
    let room = Room::with("streams.delay = '50ms'\n[[stream_fault]]\ndo = { delay = '50ms' }\nnth = 1").await;
    let before = std::time::Instant::now();
    room.publish(["a", "b"]);
    assert_eq!(room.consumer(0).await.texts(2).await, ["a", "b"]);
    assert!(before.elapsed() >= Duration::from_millis(100));
}
