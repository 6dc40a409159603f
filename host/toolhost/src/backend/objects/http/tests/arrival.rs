//! Transfers over unreliable connections.

use super::*;

/// Pseudo-random numbers (Knuth's MMIX generator), the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn random_bytes(count: usize) -> Bytes {
    let mut random = Random(7);
    (0..count)
        .map(|_| u8::try_from(random.below(256)).unwrap())
        .collect()
}

#[tokio::test]
async fn five_megabytes_arrive_unharmed_after_cuts_at_random_bytes() {
    let body = random_bytes(5 << 20);
    let digest = Sha256::digest(&body);
    let content = body.clone();
    let random = Mutex::new(Random(42));
    let server = Server::start(move |before, request| {
        let answer = Answer::ranged(request, &content, "\"v1\"");
        let left = content.len() - request.range_start().unwrap_or(0);
        let at = random.lock().unwrap().below(left.min(600_000)) + 1;
        match before {
            40.. => answer,
            _ if before % 3 == 0 => answer.reset_after(at),
            _ => answer.cut_after(at),
        }
    })
    .await;
    let object = fetch(server.url("/big.bin")).await.unwrap();
    assert_eq!(Sha256::digest(&object.bytes), digest);
    let requests = server.requests();
    assert!(requests.len() > 10, "{} cuts are too few", requests.len());
    for resumed in &requests[1..] {
        // A request whose connection is reset may be lost before it is read, so that the first may be repeated.
        let range = resumed.range_start();
        assert!(range.is_none() || resumed.header("if-range") == Some("\"v1\""));
        assert_eq!(resumed.header("accept-encoding"), Some("identity"));
    }
    let resumed = requests.iter().filter(|one| one.range_start().is_some());
    assert!(resumed.count() > 10);
}

#[tokio::test]
async fn answers_of_every_form_are_read() {
    for answer in [
        Answer::ok("hello"),
        Answer::new(203).body("hello"),
        Answer::ok("hello").chunked(),
        Answer::ok("hello").without_length(),
        Answer::ok("hello").throttled(1, Duration::from_millis(1)),
    ] {
        let server = Server::start(move |_, _| answer.clone()).await;
        assert_eq!(fetch(server.url("/a")).await.unwrap().bytes, "hello");
    }
    let server = Server::start(|_, _| Answer::ok("")).await;
    assert!(fetch(server.url("/a")).await.unwrap().bytes.is_empty());
}

/// Why a server cannot resume, the headers of its first answer, its later answers, and whether it is asked to.
type Restart = (
    &'static str,
    &'static [(&'static str, &'static str)],
    fn(&Received, &Bytes) -> Answer,
    bool,
);

#[tokio::test]
async fn a_transfer_restarts_where_a_server_cannot_resume() {
    let old = Bytes::from_static(b"old content, which is longer");
    let new = Bytes::from_static(b"new content");
    let cases: [Restart; 7] = [
        (
            "ranges are ignored",
            &[("ETag", "\"1\"")],
            |_, new| Answer::ok(new.clone()),
            true,
        ),
        (
            "the object changed",
            &[("ETag", "\"1\"")],
            |request, new| Answer::ranged(request, new, "\"2\""),
            true,
        ),
        (
            "another tag is sent in spite of the condition",
            &[("ETag", "\"1\"")],
            |request, new| match request.range_start() {
                Some(start) => Answer::new(206)
                    .header("ETag", "\"2\"")
                    .header("Content-Range", format!("bytes {start}-10/11"))
                    .body(new.slice(start..)),
                None => Answer::ok(new.clone()),
            },
            true,
        ),
        (
            "the object is shorter by now",
            &[("ETag", "\"1\"")],
            |request, new| match request.range_start() {
                Some(_) => Answer::new(416).header("Content-Range", "bytes */2"),
                None => Answer::ok(new.clone()),
            },
            true,
        ),
        (
            "the tag is weak",
            &[("ETag", "W/\"1\"")],
            |_, new| Answer::ok(new.clone()),
            false,
        ),
        (
            "the date is as recent as the answer",
            &[
                ("Date", "Tue, 24 Nov 2026 10:00:00 GMT"),
                ("Last-Modified", "Tue, 24 Nov 2026 10:00:00 GMT"),
            ],
            |_, new| Answer::ok(new.clone()),
            false,
        ),
        (
            "the server does not accept ranges",
            &[("ETag", "\"1\""), ("Accept-Ranges", "none")],
            |_, new| Answer::ok(new.clone()),
            false,
        ),
    ];
    for (name, first_headers, then, asks_for_a_range) in cases {
        let (old, new_content) = (old.clone(), new.clone());
        let server = Server::start(move |before, request| {
            if before > 0 {
                return then(request, &new_content);
            }
            let answer = Answer::ok(old.clone()).cut_after(4);
            first_headers
                .iter()
                .fold(answer, |answer, (name, value)| answer.header(name, *value))
        })
        .await;
        let object = fetch(server.url("/a")).await;
        assert_eq!(object.unwrap().bytes, new, "{name}");
        let asked = server.requests()[1].range_start().is_some();
        assert_eq!(asked, asks_for_a_range, "{name}");
    }
}

#[tokio::test]
async fn a_post_is_repeated_as_a_whole() {
    let server = Server::start(|before, _| {
        let answer = Answer::ok("0123456789").header("ETag", "\"1\"");
        if before == 0 {
            answer.cut_after(4)
        } else {
            answer
        }
    })
    .await;
    let mut posted = options();
    posted.method = Some("POST".to_owned());
    let object = source()
        .fetch(request(server.url("/a"), posted))
        .await
        .unwrap();
    assert_eq!(object.bytes, "0123456789");
    assert_eq!(server.requests()[1].range_start(), None);
}

#[tokio::test]
async fn a_transfer_is_resumed_by_a_date_and_where_only_the_end_is_missing() {
    let body = Bytes::from_static(b"0123456789");
    let modified = "Mon, 23 Nov 2026 10:00:00 GMT";
    let content = body.clone();
    let server = Server::start(move |before, request| {
        let rest = content.slice(request.range_start().unwrap_or(0)..);
        let status = if before == 0 { 200 } else { 206 };
        let answer = Answer::new(status)
            .body(rest)
            .header("Last-Modified", modified)
            .header("Date", "Tue, 24 Nov 2026 10:00:00 GMT");
        match before {
            0 => answer.cut_after(4),
            _ => answer.header("Content-Range", "bytes 4-9/10"),
        }
    })
    .await;
    assert_eq!(fetch(server.url("/a")).await.unwrap().bytes, body);
    let resumed = &server.requests()[1];
    assert_eq!(resumed.header("if-range"), Some(modified));
    assert_eq!(resumed.header("range"), Some("bytes=4-"));

    // It announces one byte more than there is, and says so when that byte is requested.
    let content = body.clone();
    let server = Server::start(move |before, _| match before {
        0 => Answer::ok(content.clone()).lie(11).header("ETag", "\"1\""),
        _ => Answer::new(416).header("Content-Range", "bytes */10"),
    })
    .await;
    assert_eq!(fetch(server.url("/a")).await.unwrap().bytes, body);
}

#[tokio::test]
async fn an_announced_length_is_not_trusted() {
    let huge = Server::start(|_, _| Answer::ok("x").lie(1 << 40).stall_after(0)).await;
    let error = fetch(huge.url("/a")).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::TooLarge, "{error}");
    assert!(
        error.explanation.message.contains("1099511627776 bytes"),
        "{error}"
    );

    let endless = Server::start(|_, _| Answer::ok(vec![0; 2000]).chunked()).await;
    let mut limited = options();
    limited.max_bytes = 1999;
    let error = source()
        .fetch(request(endless.url("/a"), limited))
        .await
        .unwrap_err();
    assert_eq!(error.explanation.reason, Reason::TooLarge, "{error}");
    assert_eq!(endless.requests().len(), 1);

    let short = Server::start(|_, _| Answer::ok("12345").lie(9)).await;
    let error = fetch(short.url("/a")).await.unwrap_err();
    assert_eq!(
        (error.explanation.reason, error.retryable),
        (Reason::FetchFailed, true),
        "{error}"
    );
    assert!(
        error.explanation.message.ends_with("(after 4 attempts)"),
        "{error}"
    );

    let odd = Server::start(|before, _| match before {
        0 => Answer::ok("12345").header("ETag", "\"1\"").cut_after(2),
        _ => Answer::new(206)
            .header("ETag", "\"1\"")
            .header("Content-Range", "bytes 2-4/5")
            .body("345678"),
    })
    .await;
    let error = fetch(odd.url("/a")).await.unwrap_err();
    assert!(
        error.explanation.message.contains("longer than announced"),
        "{error}"
    );
}

/// 65,536 zeros.
const ZEROS: &str = "H4sIAAAAAAACA+3BAQEAAACAkP6v7ggKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAauuOl9cAAAEA";
/// `print('hello')` and a line break.
const HELLO: &str = "H4sIAAAAAAACAysoyswr0VDPSM3JyVfX5AIA2ADKZQ8AAAA=";

#[tokio::test]
async fn compressed_answers_are_accepted_and_limited_by_their_decompressed_size() {
    let compressed = BASE64.decode(HELLO).unwrap();
    let server = Server::start(move |_, _| {
        Answer::ok(compressed.clone()).header("Content-Encoding", "gzip")
    })
    .await;
    let object = fetch(server.url("/a")).await.unwrap();
    assert_eq!(object.bytes, "print('hello')\n");
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("gzip"));

    let server = Server::start(|_, _| Answer::ok("x").header("Content-Encoding", "br")).await;
    let error = fetch(server.url("/a")).await.unwrap_err();
    assert!(
        error.explanation.message.contains("not requested"),
        "{error}"
    );

    let zeros = BASE64.decode(ZEROS).unwrap();
    assert!(zeros.len() < 1000);
    let server =
        Server::start(move |_, _| Answer::ok(zeros.clone()).header("Content-Encoding", "gzip"))
            .await;
    let mut limited = options();
    limited.max_bytes = 1000;
    let error = source()
        .fetch(request(server.url("/a"), limited))
        .await
        .unwrap_err();
    assert_eq!(error.explanation.reason, Reason::TooLarge, "{error}");
}

#[tokio::test]
async fn a_compressed_answer_that_is_cut_is_requested_again_uncompressed() {
    let compressed = BASE64.decode(HELLO).unwrap();
    let server = Server::start(move |before, request| {
        assert_eq!(request.range_start(), None);
        match before {
            0 => Answer::ok(compressed.clone())
                .header("Content-Encoding", "gzip")
                .header("ETag", "\"1\"")
                .cut_after(20),
            _ => Answer::ok("print('hello')\n").header("ETag", "\"1\""),
        }
    })
    .await;
    let object = fetch(server.url("/a")).await.unwrap();
    assert_eq!(object.bytes, "print('hello')\n");
    let encodings: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("accept-encoding").unwrap().to_owned())
        .collect();
    assert_eq!(encodings, ["gzip", "identity"]);
}

#[tokio::test]
async fn a_transfer_ends_at_its_timeout() {
    let server = Server::start(|_, _| {
        Answer::ok(vec![0; 100_000]).throttled(100, Duration::from_millis(20))
    })
    .await;
    let mut limited = options();
    limited.timeout = Some(Duration::from_millis(200));
    let error = source()
        .fetch(request(server.url("/a"), limited))
        .await
        .unwrap_err();
    assert_eq!(
        (error.explanation.reason, error.retryable),
        (Reason::Timeout, true)
    );
    assert_eq!(
        error.explanation.field_text().as_deref(),
        Some("timeout-ms")
    );

    let begun = std::time::Instant::now();
    let stalling = Server::start(|before, request| {
        let body = Bytes::from_static(b"0123456789");
        let answer = Answer::ranged(request, &body, "\"1\"");
        if before == 0 {
            answer.stall_after(5)
        } else {
            answer
        }
    })
    .await;
    let object = fetch(stalling.url("/a")).await.unwrap();
    assert_eq!(object.bytes, "0123456789");
    assert!(begun.elapsed() >= STALL);
    assert_eq!(stalling.requests()[1].range_start(), Some(5));
}

#[tokio::test]
async fn the_delay_of_the_server_is_respected() {
    let server = Server::start(|before, _| match before {
        0 => Answer::new(503).header("Retry-After", "1"),
        _ => Answer::ok("x"),
    })
    .await;
    let begun = std::time::Instant::now();
    fetch(server.url("/a")).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let server = Server::start(|_, _| Answer::new(429).header("Retry-After", "3600")).await;
    let error = fetch(server.url("/a")).await.unwrap_err();
    assert!(error.retryable);
    assert_eq!(server.requests().len(), 1, "an hour is not waited for");
}

#[tokio::test]
async fn dropping_a_fetch_closes_its_connection() {
    let server = Server::start(|_, _| Answer::ok(vec![0; 1000]).stall_after(10)).await;
    let source = source();
    let fetching = source.fetch(request(server.url("/a"), options()));
    let begun = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        fetched = fetching => panic!("{fetched:?}"),
        () = begun => {}
    }
    while server.open() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
