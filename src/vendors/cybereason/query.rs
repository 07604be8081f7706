//! Investigation queries: rows of elements, and whether all of them came. Pure.

use std::collections::HashMap;

use super::{
    answers,
    wire::{Element, Facet, Found, FoundData, Link, PathPart, Query},
};
use crate::{
    domain::failure::FailureKind,
    http::Response,
    vendors::{Again, VendorError, indicators::Missing},
};

/// The most rows in one answer: the ceiling that is told of.
pub(super) const MOST_ROWS: u64 = 10_000;

/// The most values of one row under one name.
const MOST_VALUES: u64 = 100;

/// How long the console may take, in milliseconds.
const PATIENCE: u64 = 120_000;

/// Statuses of an answer that would have been too long, or have taken too long.
const TOO_MUCH: [&str; 2] = ["QUERY_LIMIT_CROSSED", "TIMEOUT_ERROR"];

pub(super) const SEARCH: &str = "rest/visualsearch/query/simple";
pub(super) const MALOPS: &str = "rest/crimes/unified";

/// Rows, and what shows that some are missing.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) elements: HashMap<String, Element>,
    /// Why rows are missing, if they are.
    pub(super) missing: Option<Missing>,
}

/// A query along a chain of elements.
pub(super) fn chain(path: Vec<PathPart>, fields: &'static [&'static str]) -> Query {
    Query {
        query_path: path,
        total_result_limit: MOST_ROWS,
        per_group_limit: 1_000,
        per_feature_limit: MOST_VALUES,
        template_context: "SPECIFIC",
        query_timeout: Some(PATIENCE),
        custom_fields: fields,
    }
}

/// The query for `MalOp`s, in the form of the console's own list of them.
pub(super) fn malops(filters: Vec<Facet>) -> Query {
    Query {
        query_path: vec![PathPart {
            requested_type: "MalopProcess",
            filters,
            result: Some(true),
            ..PathPart::default()
        }],
        total_result_limit: MOST_ROWS,
        per_group_limit: MOST_ROWS,
        per_feature_limit: MOST_VALUES,
        template_context: "OVERVIEW",
        query_timeout: None,
        custom_fields: &[],
    }
}

/// What leads from one element to the next.
pub(super) const fn link(element_instance_type: &'static str, feature_name: &'static str) -> Option<Link> {
    Some(Link { element_instance_type, feature_name })
}

/// Reads rows. Whatever shows that some are missing is told; rows that are there are kept all the same.
pub(super) fn judge(response: &Response) -> Result<Rows, VendorError> {
    if response.status == 408 {
        let why = "the console gave up on the query (HTTP 408)".to_owned();
        return Ok(Rows { elements: HashMap::new(), missing: Some(Missing { why, shorter_helps: true }) });
    }
    let found: Found = answers::content(response, false)?;
    let status = found.status.as_str().unwrap_or("SUCCESS").to_owned();
    let words = found.message.as_str().map(|words| format!(": {}", words.chars().take(200).collect::<String>()));
    // It took too long, or too much: then less of it does not. Servers that are not there are not there for less, either.
    let too_much = TOO_MUCH.contains(&status.as_str())
        || words.as_deref().is_some_and(|words| ["408", "MILLISECONDS"].iter().any(|sign| words.contains(sign)));
    let Some(data) = found.data.or_else(|| too_much.then(FoundData::default)) else {
        let text = format!("the console's answer has no rows (status {status}{})", words.unwrap_or_default());
        return Err(VendorError::new(FailureKind::ServerError, text, Again::Backoff));
    };
    let elements = data.result_id_to_element_data_map.unwrap_or_default();
    let came = elements.len() as u64;
    let possible = data.total_possible_results.0.max(data.path_result_counts.0.last().and_then(|last| last.count.0));
    let miss = |why: String, shorter_helps| Some(Missing { why, shorter_helps });
    let missing = if status != "SUCCESS" {
        miss(format!("the console calls its answer {status}{}", words.unwrap_or_default()), too_much)
    } else if let Some(count) = found.failed_servers_info.map(|servers| servers.count()).filter(|count| *count > 0) {
        miss(format!("{count} of the console's servers did not answer"), false)
    } else if found.failures.0.is_some_and(|count| count > 0) {
        miss("some of the console's servers did not answer".to_owned(), false)
    } else if data.query_terminated.0 == Some(true) {
        miss("the console ended the query early".to_owned(), true)
    } else if came >= MOST_ROWS {
        miss(format!("the answer is full at {came} rows"), true)
    } else {
        let more = possible.filter(|possible| *possible > came);
        more.and_then(|possible| miss(format!("{came} of {possible} rows came"), true))
    };
    Ok(Rows { elements, missing })
}

impl Element {
    /// The texts under a name, and whether some are missing.
    pub(super) fn texts(&self, name: &str) -> (&[String], bool) {
        let feature = self.simple_values.as_ref().and_then(|values| values.get(name));
        feature.map_or((&[], false), |feature| {
            let came = feature.values.0.len() as u64;
            (&feature.values.0, feature.total_values.0.is_some_and(|total| total > came))
        })
    }

    /// The first text under a name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).0.first().map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Names of the elements under a name, each with its type, and whether some are missing.
    pub(super) fn linked(&self, name: &str) -> (Vec<(&str, &str)>, bool) {
        let Some(linked) = self.element_values.as_ref().and_then(|values| values.get(name)) else {
            return (Vec::new(), false);
        };
        let named: Vec<_> = linked
            .element_values
            .0
            .iter()
            .filter_map(|one| Some((one.element_type.as_str().unwrap_or_default(), one.name.as_str()?)))
            .collect();
        let all = linked.element_values.0.len() as u64;
        (named, linked.total_values.0.is_some_and(|total| total > all))
    }
}
