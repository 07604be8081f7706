//! What is delivered, and what becomes of it.

use super::*;
use crate::simulator::QueueCounts;

#[tokio::test]
async fn a_delivery_has_the_properties_that_were_seen_on_the_wire() {
    let room = Room::with("streams.backlog = 1").await;
    let mut client = room.consumer(1).await;
    let delivery = client.delivery().await;
    let properties = &delivery.header.properties;
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/octet-stream");
    assert_eq!((properties.delivery_mode(), properties.priority()), (&Some(2), &Some(0)));
    let event: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
    let parts: Vec<&str> = delivery.routing_key.split('.').collect();
    assert_eq!(parts[1..], [event["connector_guid"].as_str().unwrap(), &event["event_type_id"].to_string()]);
    let group = event["group_guids"][0].as_str().unwrap();
    assert_eq!(copied_to(&delivery.header), format!("{}.{group}", delivery.routing_key));
    assert!(!delivery.redelivered);
    client.ack(delivery.tag, false).await;
    until(|| room.counts().acknowledged == 1).await;
}

#[tokio::test]
async fn no_more_is_delivered_than_the_prefetch_allows() {
    let room = Room::with("").await;
    room.publish(["a", "b", "c", "d", "e"]);
    let mut client = room.consumer(2).await;
    assert_eq!(client.texts(2).await, ["a", "b"]);
    client.settle().await;
    let counts = room.counts();
    assert_eq!((counts.ready, counts.unacknowledged, counts.delivered), (3, 2, 2));
    client.ack(1, false).await;
    assert_eq!(client.texts(1).await, ["c"]);
    client.ack(3, true).await;
    assert_eq!(client.texts(2).await, ["d", "e"]);
    client.ack(0, true).await;
    client.settle().await;
    let expected = QueueCounts { published: 5, delivered: 5, acknowledged: 5, consumers: 1, ..QueueCounts::default() };
    assert_eq!(room.counts(), expected);
    client.close().await;
}

#[tokio::test]
async fn what_was_held_comes_again_and_in_its_old_order() {
    let room = Room::with("").await;
    room.publish(["a", "b", "c", "d"]);
    let mut client = room.consumer(3).await;
    assert_eq!(client.texts(3).await, ["a", "b", "c"]);
    client.ack(2, false).await;
    until(|| room.counts().acknowledged == 1).await;
    // Without a word, as a program that is killed.
    drop(client);
    let mut client = room.consumer(0).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let delivery = client.delivery().await;
        seen.push((delivery.text().to_owned(), delivery.redelivered, delivery.tag));
    }
    // Whether the fourth was already on its way is the broker's affair.
    assert_eq!(seen[..2], [("a".to_owned(), true, 1), ("c".to_owned(), true, 2)]);
    assert_eq!(seen[2].0, "d");
    let counts = room.counts();
    assert_eq!((counts.ready, counts.unacknowledged, counts.acknowledged), (0, 3, 1));
}

#[tokio::test]
async fn events_can_be_given_back_or_refused_for_good() {
    let room = Room::with("").await;
    room.publish(["a", "b", "c"]);
    let mut client = room.consumer(3).await;
    assert_eq!(client.texts(3).await, ["a", "b", "c"]);
    client.basic(basic::AMQPMethod::Reject(basic::Reject { delivery_tag: 3, requeue: false })).await;
    client.basic(basic::AMQPMethod::Nack(basic::Nack { delivery_tag: 2, multiple: true, requeue: true })).await;
    let again = client.delivery().await;
    assert_eq!((again.text(), again.redelivered, again.tag), ("a", true, 4));
    assert_eq!(client.texts(1).await, ["b"]);
    client.basic(basic::AMQPMethod::Nack(basic::Nack { delivery_tag: 5, multiple: true, requeue: false })).await;
    client.settle().await;
    let counts = room.counts();
    assert_eq!((counts.rejected, counts.redelivered, counts.ready, counts.unacknowledged), (3, 2, 0, 0));
}

#[tokio::test]
async fn a_tag_that_was_never_given_or_is_settled_closes_the_channel() {
    let room = Room::with("").await;
    room.publish(["a"]);
    let mut client = room.consumer(1).await;
    client.texts(1).await;
    client.ack(1, false).await;
    client.ack(1, false).await;
    assert_eq!(channel_close(&client.method().await), 406);
    let mut client = room.open().await;
    client.ack(7, true).await;
    assert_eq!(channel_close(&client.method().await), 406);
}

#[tokio::test]
async fn a_second_consumer_gets_its_share_unless_the_first_is_exclusive() {
    let room = Room::with("").await;
    let mut first = room.consumer(1).await;
    let mut second = room.consumer(1).await;
    assert_eq!(room.counts().consumers, 2);
    room.publish(["a", "b"]);
    let mut texts = [first.texts(1).await, second.texts(1).await].concat();
    texts.sort();
    assert_eq!(texts, ["a", "b"]);
    let refused = room.open().await.ask_to_consume(&room.access.queue_name, 1, true).await;
    assert_eq!(channel_close(&refused), 403);
    first.close().await;
    second.close().await;
    until(|| room.counts().consumers == 0).await;
    let mut alone = room.open().await;
    alone.consume(&room.access.queue_name, 1, true).await;
    let refused = room.open().await.ask_to_consume(&room.access.queue_name, 1, false).await;
    assert_eq!(channel_close(&refused), 403);
}

#[tokio::test]
async fn a_consumer_that_is_cancelled_gets_nothing_more_and_keeps_what_it_has() {
    let room = Room::with("").await;
    room.publish(["a"]);
    let mut client = room.open().await;
    let begun = client.ask_to_consume(&room.access.queue_name, 5, false).await;
    let AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(begun)) = begun else { panic!("{begun:?}") };
    client.texts(1).await;
    let cancel = basic::Cancel { consumer_tag: begun.consumer_tag, nowait: false };
    client.basic(basic::AMQPMethod::Cancel(cancel)).await;
    let done = client.method().await;
    assert!(matches!(done, AMQPClass::Basic(basic::AMQPMethod::CancelOk(_))), "{done:?}");
    room.publish(["b"]);
    client.settle().await;
    client.ack(1, false).await;
    client.settle().await;
    let counts = room.counts();
    assert_eq!((counts.ready, counts.acknowledged, counts.consumers), (1, 1, 0));
}

#[tokio::test]
async fn events_can_be_fetched_one_by_one() {
    let room = Room::with("").await;
    room.publish(["a", "b"]);
    let mut client = room.open().await;
    let get = |no_ack| basic::AMQPMethod::Get(basic::Get { queue: room.access.queue_name.as_str().into(), no_ack });
    client.basic(get(false)).await;
    assert_eq!(client.delivery().await.text(), "a");
    client.basic(get(true)).await;
    assert_eq!(client.delivery().await.text(), "b");
    client.basic(get(false)).await;
    let empty = client.method().await;
    assert!(matches!(empty, AMQPClass::Basic(basic::AMQPMethod::GetEmpty(_))), "{empty:?}");
    let counts = room.counts();
    assert_eq!((counts.unacknowledged, counts.acknowledged), (1, 1));
    client.close().await;
    until(|| room.counts().ready == 1).await;
}

#[tokio::test]
async fn five_megabytes_come_through_whole() {
    let room = Room::with("").await;
    let body: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 251) as u8).collect();
    assert!(room.streams.publish(room.access.id, body.clone()));
    let mut client = room.consumer(1).await;
    assert!(client.delivery().await.body == body);
}

#[tokio::test]
async fn a_deleted_stream_cancels_its_consumers() {
    let room = Room::with("").await;
    room.publish(["a"]);
    let mut client = room.consumer(1).await;
    client.texts(1).await;
    assert!(room.streams.delete(room.access.id));
    assert!(is_cancel(&client.method().await));
    // The connection is as good as it was.
    assert_eq!(channel_close(&client.declare(&room.access.queue_name, true).await), 404);
    assert_eq!(room.streams.counts(room.access.id), None);
}

#[tokio::test]
async fn an_event_that_nobody_takes_in_time_is_gone() {
    let room = Room::with("streams.ttl = '1ms'").await;
    room.publish(["a"]);
    until(|| room.counts().expired == 1).await;
    assert_eq!(room.counts().ready, 0);
}
