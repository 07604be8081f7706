//! Pages of queries, as newer servers have them.
//!
//! The first request names a size, and is answered with a token and with fewer rows than that. Later ones name the token and
//! their page; the first page has to be asked for again. Clients say it in a header and in the address as well, and only the
//! body is heeded here.

use serde_json::Value;

use super::search::Bad;

/// The token of every answer.
pub(super) const TOKEN: &str = "MDAxfDE3";

/// The largest page.
const MOST: usize = 4_000;

/// The page that is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    first: usize,
    rows: usize,
}

impl Wanted {
    /// Reads what a body says of pages, where the console knows them; an older one does not heed it.
    pub(super) fn read(body: &Value, known: bool) -> Result<Option<Self>, Bad> {
        let Some(wanted) = body.get("pagination").filter(|wanted| known && !wanted.is_null()) else { return Ok(None) };
        let number =
            |name: &str| wanted.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        let size = number("pageSize").filter(|size| (1..=MOST).contains(size)).ok_or(Bad("pageSize is none"))?;
        let Some(token) = wanted.get("paginationToken").and_then(Value::as_str) else {
            // The first answer is short of its size, however many rows there are.
            return Ok(Some(Self { first: 0, rows: size.div_ceil(2) }));
        };
        if token != TOKEN {
            return Err(Bad("unknown paginationToken"));
        }
        let page = number("page").ok_or(Bad("page is missing"))?;
        let first = page.saturating_mul(size);
        if number("skip").is_some_and(|skip| skip != first) {
            return Err(Bad("skip does not fit page"));
        }
        Ok(Some(Self { first, rows: size }))
    }

    /// The rows of the page.
    pub(super) fn of<T>(&self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.first).take(self.rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(pagination: &Value) -> Option<Vec<u32>> {
        let body = json!({ "pagination": pagination });
        let wanted = Wanted::read(&body, true).map_err(|Bad(text)| text).unwrap();
        wanted.map(|wanted| wanted.of((0..10).collect()))
    }

    #[test]
    fn every_row_is_on_one_page_and_the_first_answer_is_short() {
        assert_eq!(rows(&json!(null)), None);
        assert_eq!(rows(&json!({"pageSize": 4})).unwrap(), [0, 1]);
        let page = |page: u32| {
            rows(&json!({"pageSize": 4, "page": page, "skip": page * 4, "paginationToken": TOKEN})).unwrap()
        };
        assert_eq!((page(0), page(1), page(2)), (vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]));
        assert!(page(3).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_an_older_console_does_not_heed_it() {
        for bad in [
            json!({"pageSize": 0}),
            json!({"pageSize": 4_001}),
            json!({"pageSize": 4, "paginationToken": "other", "page": 1}),
            json!({"pageSize": 4, "paginationToken": TOKEN}),
            json!({"pageSize": 4, "paginationToken": TOKEN, "page": 2, "skip": 4}),
        ] {
            let body = json!({ "pagination": bad });
            assert!(Wanted::read(&body, true).is_err(), "{body}");
            assert!(matches!(Wanted::read(&body, false), Ok(None)), "{body}");
        }
    }
}
