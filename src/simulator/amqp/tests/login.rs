//! Who is let in, and what they agree on.

use super::*;

#[tokio::test]
async fn limits_are_offered_and_a_clients_own_hold_if_they_are_lower() {
    let room = Room::with("").await;
    let mut client = room.dial().await.unwrap();
    let tune = client.log_in(&room.access.user_name, &room.access.password, 4096, 0).await;
    assert_eq!((tune.channel_max, tune.frame_max, tune.heartbeat), (2047, 131_072, 60));
    client.open_channel(1).await;
    client.consume(&room.access.queue_name, 1, false).await;
    assert!(room.streams.publish(room.access.id, vec![b'x'; 10_000]));
    let method = client.method().await;
    assert!(matches!(method, AMQPClass::Basic(basic::AMQPMethod::Deliver(_))), "{method:?}");
    let mut pieces = Vec::new();
    for _ in 0..4 {
        match client.frame().await.unwrap() {
            AMQPFrame::Header(1, header) => assert_eq!(header.body_size, 10_000),
            AMQPFrame::Body(1, piece) => pieces.push(piece.len()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pieces, [4088, 4088, 1824]);
    client.close().await;
}

#[tokio::test]
async fn wrong_credentials_earn_403() {
    let room = Room::with("").await;
    let StreamAccess { user_name, password, .. } = room.access.clone();
    for (mechanism, user, password) in [
        ("PLAIN", user_name.as_str(), "wrong"),
        ("PLAIN", "wrong", password.as_str()),
        ("EXTERNAL", &user_name, &password),
        ("PLAIN", &user_name, ""),
    ] {
        let mut client = room.dial().await.unwrap();
        client.greet().await;
        client.say_who(mechanism, user, password).await;
        assert_eq!(connection_close(&client.method().await), 403);
    }
}

#[tokio::test]
async fn the_credentials_of_a_deleted_stream_are_good_for_nothing() {
    let room = Room::with("").await;
    assert!(room.streams.delete(room.access.id));
    assert!(!room.streams.delete(room.access.id));
    let mut client = room.dial().await.unwrap();
    client.greet().await;
    client.say_who("PLAIN", &room.access.user_name, &room.access.password).await;
    assert_eq!(connection_close(&client.method().await), 403);
}

#[tokio::test]
async fn another_virtual_host_is_not_there() {
    let room = Room::with("").await;
    let mut client = room.dial().await.unwrap();
    client.greet().await;
    client.say_who("PLAIN", &room.access.user_name, &room.access.password).await;
    client.method().await;
    let tune_ok = connection::TuneOk { channel_max: 0, frame_max: 0, heartbeat: 0 };
    client.send(0, AMQPClass::Connection(connection::AMQPMethod::TuneOk(tune_ok))).await;
    let open = connection::Open { virtual_host: "/other".into() };
    client.send(0, AMQPClass::Connection(connection::AMQPMethod::Open(open))).await;
    assert_eq!(connection_close(&client.method().await), 530);
}

#[tokio::test]
async fn whoever_speaks_another_protocol_is_told_which_one_is_spoken() {
    let room = Room::with("").await;
    for words in ["GET / HTTP/1.1\r\n\r\n", "AMQP\x00\x01\x00\x00", "AM!"] {
        let mut client = room.dial().await.unwrap();
        client.send_bytes(words.as_bytes()).await;
        assert!(matches!(client.frame().await.unwrap(), AMQPFrame::ProtocolHeader(_)), "{words}");
        assert_eq!(client.frame().await.unwrap_err().to_string(), "an orderly end");
    }
}

#[tokio::test]
async fn queues_of_others_and_unknown_ones_are_told_apart() {
    let room = Room::with("").await;
    let other = room.streams.create(&NewStream { name: "other".into(), ..NewStream::default() }).unwrap();
    let names = [(other.queue_name.as_str(), 403), ("event_stream_1", 404)];
    for (name, code) in names {
        assert_eq!(channel_close(&room.open().await.declare(name, true).await), code, "{name}");
        assert_eq!(channel_close(&room.open().await.ask_to_consume(name, 1, false).await), code, "{name}");
    }
    // Nobody makes queues here.
    assert_eq!(channel_close(&room.open().await.declare(&room.access.queue_name, false).await), 403);
}

#[tokio::test]
async fn a_declaration_tells_how_many_wait() {
    let room = Room::with("").await;
    room.publish(["one", "two"]);
    let mut client = room.open().await;
    match client.declare(&room.access.queue_name, true).await {
        AMQPClass::Queue(queue::AMQPMethod::DeclareOk(found)) => {
            assert_eq!((found.message_count, found.consumer_count), (2, 0));
        }
        other => panic!("{other:?}"),
    }
    client.close().await;
}

#[tokio::test]
async fn a_frame_that_is_none_ends_the_connection() {
    let room = Room::with("").await;
    for bytes in [
        &b"\x01\x00\x01\x00\x00\x00\x04\xff\xff\xff\xff\xce"[..],
        b"\x01\x00\x01\x7f\xff\xff\xff",
        b"\x09\x00\x00\x00\x00\x00\x00\xce",
    ] {
        let mut client = room.open().await;
        client.send_bytes(bytes).await;
        assert_eq!(connection_close(&client.method().await), 501);
    }
}

#[tokio::test]
async fn a_channel_that_is_not_open_ends_the_connection() {
    let room = Room::with("").await;
    let mut client = room.open().await;
    client.send(2, AMQPClass::Basic(basic::AMQPMethod::Qos(basic::Qos::default()))).await;
    assert_eq!(connection_close(&client.method().await), 504);
}

#[tokio::test]
async fn a_channel_can_be_opened_again_after_it_was_closed() {
    let room = Room::with("").await;
    let mut client = room.open().await;
    assert_eq!(channel_close(&client.declare("event_stream_1", true).await), 404);
    client.send(1, AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))).await;
    client.open_channel(1).await;
    client.consume(&room.access.queue_name, 1, false).await;
    client.close().await;
    until(|| room.streams.connections() == 0).await;
}
