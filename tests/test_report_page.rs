//! `edrctl report --format html`: the page in a real browser. It draws, sorts, filters, complains of nothing and asks for
//! nothing, whatever hosts call themselves.

use std::{fs, time::Instant};

use edrctl::simulator::Fleet;
use serde_json::{Value, json};

use crate::support::{Browser, Console, Cyb, Room, TestEnv, Wall};

const ATTACKS: [&str; 6] = [
    "<script>window.owned=1</script>",
    "<img src=x onerror=window.owned=1>",
    "</td></tr></table></main><script>window.owned=1</script>",
    "\"><svg/onload=window.owned=1>",
    "<!-- <style>*{display:none}</style>",
    "&lt;b&gt; ]]> javascript:alert(1)",
];

/// Writes the newest run's page.
fn page(env: &TestEnv) -> std::path::PathBuf {
    env.run(["report", "latest", "--format", "html", "--out", "run.html", "-q"]).exits(0);
    env.path().join("run.html")
}

/// A run with many outcomes: accepted, already, failed and unresolved.
fn mixed() -> Room {
    let room = Room::new(24, "[[fault]]\nmethod = \"PUT\"\nafter = 10\ntimes = 3\ndo = { status = 400 }\n");
    let guids = room.console.guids();
    let first: String = guids.lines().take(3).map(|line| format!("{line}\n")).collect();
    room.isolate_list(&first);
    room.isolate_list(&format!("{guids}nobody01\nnobody02\n"));
    room
}

fn shown(browser: &mut Browser) -> Vec<String> {
    let rows = browser.eval("[...document.querySelectorAll('#rows tbody tr')].filter(r => r.offsetParent !== null).map(r => r.cells[1].textContent)");
    serde_json::from_value(rows).unwrap()
}

#[test]
fn the_page_draws_sorts_and_filters_without_a_complaint() {
    let room = mixed();
    let mut browser = Browser::open(&page(&room.env), &[], true);
    let plot = browser.eval(
        "(() => { const box = s => document.querySelector('.plot ' + s).getBoundingClientRect(); \
         const taken = document.querySelector('.plot path.taken'); \
         return { width: box('path.taken').width, height: box('path.taken').height, length: taken.getTotalLength(), \
         stroke: getComputedStyle(taken).stroke, labels: [...document.querySelectorAll('.plot text.x')].map(t => t.textContent), \
         counts: [...document.querySelectorAll('.plot text.y')].map(t => t.textContent) }; })()",
    );
    assert!(plot["width"].as_f64().unwrap() > 300.0 && plot["height"].as_f64().unwrap() > 20.0, "{plot}");
    assert!(plot["length"].as_f64().unwrap() > 300.0 && plot["stroke"] != "none", "{plot}");
    assert!(plot["labels"].as_array().unwrap().iter().any(|label| label.as_str().unwrap().starts_with("UTC, 20")));
    assert_eq!(plot["counts"][0], "0", "{plot}");
    assert!(plot["counts"].as_array().unwrap().len() > 2, "{plot}");

    let all = shown(&mut browser);
    assert_eq!(all.len(), 26);
    assert_eq!(browser.eval("document.getElementById('shown').textContent"), "26 of 26 shown");
    let mut sorted = all.clone();
    sorted.sort();
    let head = "document.querySelectorAll('#rows thead button')[1]";
    browser.eval(&format!("{head}.click()"));
    let by_target = shown(&mut browser);
    assert_ne!(by_target, all);
    assert_eq!(by_target.last().map(String::as_str), Some("nobody02"));
    assert_eq!(browser.eval(&format!("{head}.closest('th').getAttribute('aria-sort')")), "ascending");
    browser.eval(&format!("{head}.click()"));
    assert_eq!(browser.eval(&format!("{head}.closest('th').getAttribute('aria-sort')")), "descending");
    let mut back = shown(&mut browser);
    back.reverse();
    assert_eq!(back, by_target);
    // Numbers are compared as numbers.
    browser.eval("document.querySelectorAll('#rows thead button')[0].click()");
    assert_eq!(shown(&mut browser), all);

    browser.type_into("#filter", "NOBODY");
    assert_eq!(shown(&mut browser), ["nobody01", "nobody02"]);
    assert_eq!(browser.eval("document.getElementById('shown').textContent"), "2 of 26 shown");
    browser.type_into("#filter", "unresolved nobody02");
    assert_eq!(shown(&mut browser), ["nobody02"]);
    browser.type_into("#filter", "");
    assert_eq!(shown(&mut browser).len(), 26);
    browser.eval("{ const o = document.getElementById('outcome'); o.value = 'unresolved'; o.dispatchEvent(new Event('change')); }");
    assert_eq!(shown(&mut browser), ["nobody01", "nobody02"]);
    assert_eq!(browser.complaints(), [""; 0]);
    assert!(browser.requests().iter().all(|url| url.starts_with("file:///") && url.ends_with("/run.html")));
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    let names: Vec<String> = ATTACKS.iter().map(|name| format!("\"{}\"\n", name.replace('"', "\"\""))).collect();
    fs::write(file.path(), format!("hostname\n{}", names.concat())).unwrap();
    let room = Room::with(Console::with(Fleet::read(file.path()).unwrap(), ""));
    room.env.file("hosts.txt", format!("host:{}\n", ATTACKS.join("\nhost:")));
    room.isolate(&["--wait=30s", "--comment", ATTACKS[0], "--ticket", ATTACKS[1], "--skip-invalid"]);
    let mut browser = Browser::open(&page(&room.env), &[], true);
    assert_eq!(browser.eval("window.owned === undefined"), true);
    assert_eq!(
        browser.eval("document.querySelectorAll('script, style, img, svg, table').length"),
        page_parts(&room.env)
    );
    let texts: Value = browser.eval("[...document.querySelectorAll('#rows tbody th, dd')].map(e => e.textContent)");
    let texts: Vec<String> = serde_json::from_value(texts).unwrap();
    for attack in [ATTACKS[0], ATTACKS[1]] {
        assert!(texts.iter().any(|text| text == attack), "{attack}: {texts:?}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.requests().len(), 1);
}

/// How many elements of these kinds the page has by our own doing: one style, one script, one plot, and its tables.
fn page_parts(env: &TestEnv) -> Value {
    let text = fs::read_to_string(env.path().join("run.html")).unwrap();
    let tables = text.matches("<table").count();
    json!(3 + tables)
}

#[test]
fn the_policy_would_stop_what_got_through() {
    let room = Room::new(1, "");
    room.isolate(&[]).exits(0);
    let path = page(&room.env);
    // A hole in our care, made by hand.
    let text = fs::read_to_string(&path).unwrap();
    let hole = "<script>window.owned=1</script><img src=\"http://127.0.0.1:9/x\" onerror=\"window.owned=1\"><h1 style=\"color:red\">";
    fs::write(&path, text.replace("<h1>", hole)).unwrap();
    let mut browser = Browser::open(&path, &[], true);
    assert_eq!(browser.eval("window.owned === undefined"), true);
    assert!(browser.complaints().len() >= 3, "the browser says what its policy forbade: {:?}", browser.complaints());
    assert_eq!(browser.eval("document.getElementById('controls').hidden"), false, "our own script still runs");
}

#[test]
fn without_its_script_the_page_is_whole() {
    let room = mixed();
    let path = page(&room.env);
    let mut with_script = Browser::open(&path, &[], true);
    let rows = shown(&mut with_script);
    let mut without = Browser::open(&path, &[], false);
    assert_eq!(shown(&mut without), rows);
    assert_eq!(without.eval("getComputedStyle(document.getElementById('controls')).display"), "none");
    assert_eq!(without.eval("document.querySelectorAll('button').length"), 0);
    assert_eq!(without.complaints(), [""; 0]);
}

#[test]
fn the_page_is_dark_where_its_reader_is_and_prints_everything() {
    let room = Room::new(3, "");
    room.isolate(&[]).exits(0);
    let path = page(&room.env);
    let paper = "getComputedStyle(document.body).backgroundColor";
    let mut light = Browser::open(&path, &[("prefers-color-scheme", "light")], true);
    assert_eq!(light.eval(paper), "rgb(255, 255, 255)");
    let mut dark = Browser::open(&path, &[("prefers-color-scheme", "dark")], true);
    assert_eq!(dark.eval(paper), "rgb(13, 17, 23)");
    dark.ask(
        "Emulation.setEmulatedMedia",
        json!({ "media": "print", "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }),
    );
    assert_eq!(dark.eval(paper), "rgb(255, 255, 255)", "paper is white");
    assert_eq!(dark.eval("getComputedStyle(document.getElementById('controls')).display"), "none");
    assert_eq!(dark.eval("getComputedStyle(document.querySelector('#rows thead')).display"), "table-header-group");
    assert_eq!(shown(&mut dark).len(), 3);
    assert_eq!(dark.complaints(), [""; 0]);
}

#[test]
fn indicators_have_a_page_as_well() {
    let wall = Wall::rest("");
    wall.block("203.0.113.9\nbad.example\n10.0.0.1\n", &[]).exits(6);
    let mut browser = Browser::open(&page(&wall.env), &[], true);
    assert_eq!(shown(&mut browser), ["203.0.113.9", "bad.example", "10.0.0.1"]);
    assert!(browser.eval("document.querySelector('.plot title').textContent").as_str().unwrap().contains("blocked"));
    assert!(browser.eval("document.querySelector('.plot path.proven').getTotalLength()").as_f64().unwrap() > 300.0);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn ten_thousand_hosts_are_one_page_that_still_answers() {
    let room = Cyb::new(10_000, "");
    room.isolate(&["--wait=2m"]).exits(0);
    let begun = Instant::now();
    let path = page(&room.env);
    let took = begun.elapsed();
    assert!(took.as_secs() < 20, "{took:?} in a debug build");
    let size = fs::metadata(&path).unwrap().len();
    assert!(size < 8 * 1024 * 1024, "{size} bytes");
    let mut browser = Browser::open(&path, &[], true);
    assert_eq!(browser.eval("document.querySelectorAll('#rows tbody tr').length"), 10_000);
    assert!(
        browser.eval("document.querySelector('.plot path.proven').getAttribute('d').length").as_f64().unwrap()
            < 100_000.0
    );
    let millis = browser.eval(
        "(() => { const begun = performance.now(); document.querySelectorAll('#rows thead button')[1].click(); \
         const filter = document.getElementById('filter'); filter.value = '77'; filter.dispatchEvent(new Event('input')); \
         document.getElementById('rows').getBoundingClientRect(); return performance.now() - begun; })()",
    );
    assert!(millis.as_f64().unwrap() < 10_000.0, "{millis} ms to sort and filter");
    let left = shown(&mut browser).len();
    assert!(left > 0 && left < 10_000, "{left}");
    assert_eq!(browser.complaints(), [""; 0]);
}
