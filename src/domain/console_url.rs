//! A console's address as people paste it: with or without a scheme, a path, trailing slashes.

use url::{Host, Url};

/// Reads a console's address. Without a scheme it is `https`.
///
/// The result has a scheme, a host, perhaps a port, and a path that ends in a slash; nothing else. What the path means is
/// the console's business.
///
/// # Errors
///
/// [`UrlError`], which never quotes the text: somebody may have pasted a password into it.
pub fn parse(text: &str) -> Result<Url, UrlError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(UrlError::Empty);
    }
    // The URL standard silently drops line breaks and turns backslashes around. Neither was meant.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(UrlError::NotAUrl);
    }
    let with_scheme = match text.split_once("://") {
        Some((scheme, _)) if ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            text.to_owned()
        }
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) => {
            return Err(UrlError::Scheme);
        }
        Some(_) => return Err(UrlError::NotAUrl),
        // `https:host` would be taken for a host called `https`.
        None if ["http:", "https:"].iter().any(|start| starts_with_ignoring_case(text, start)) => {
            return Err(UrlError::NotAUrl);
        }
        None => format!("https://{text}"),
    };
    let mut url = Url::parse(&with_scheme).map_err(|_| UrlError::NotAUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::UserInfo);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::Query);
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(UrlError::PlainHttp);
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Whether a URL leads to this machine and nowhere else.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// What is wrong with a text that should be a console's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Nothing is there.
    #[error("no address is given")]
    Empty,
    /// Not a URL.
    #[error("not a URL; it is written like `https://console.example`")]
    NotAUrl,
    /// Neither `https` nor `http`.
    #[error("the address must begin with `https://`")]
    Scheme,
    /// `http` to another machine: the credentials would travel in the clear.
    #[error("plain `http://` is for this machine only; a console is spoken to over `https://`")]
    PlainHttp,
    /// `user:password@`.
    #[error("an address holds no user and no password; they have keys of their own")]
    UserInfo,
    /// `?…` or `#…`.
    #[error("an address has nothing behind `?` or `#`")]
    Query,
    /// A path that the console does not have.
    #[error("the address goes on behind the API's version; give it up to the host, or up to `/v1`")]
    Path,
    /// A path, at a console that has none: requests are signed with their path, and a proxy that changes it breaks that.
    #[error("the address must end with the host or its port; a proxy that needs a path would change what is signed")]
    AnyPath,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, UrlError> {
        parse(text).map(String::from)
    }

    #[test]
    fn an_address_is_taken_as_pasted() {
        for text in ["console.example", "https://console.example", " HTTPS://Console.Example/ ", "console.example:443"]
        {
            assert_eq!(read(text).as_deref(), Ok("https://console.example/"), "{text}");
        }
        assert_eq!(read("console.example:8443/edr").as_deref(), Ok("https://console.example:8443/edr/"));
        assert_eq!(read("https://[2001:db8::1]:8443").as_deref(), Ok("https://[2001:db8::1]:8443/"));
    }

    #[test]
    fn plain_http_reaches_this_machine_only() {
        for text in
            ["http://127.0.0.1:8080", "http://127.8.9.10", "http://[::1]:80", "http://localhost:1", "http://LOCALHOST"]
        {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in [
            "http://console.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://[::ffff:8.8.8.8]",
        ] {
            assert_eq!(read(text), Err(UrlError::PlainHttp), "{text}");
        }
        assert_eq!(read("localhost:8080").as_deref(), Ok("https://localhost:8080/"));
    }

    #[test]
    fn what_does_not_belong_into_an_address_is_refused_without_quoting_it() {
        for (text, error) in [
            ("", UrlError::Empty),
            ("https://", UrlError::NotAUrl),
            ("https:console.example", UrlError::NotAUrl),
            ("HTTPS:/console.example", UrlError::NotAUrl),
            ("https://con sole.example", UrlError::NotAUrl),
            ("https://console.example\n.evil.example", UrlError::NotAUrl),
            ("https:\\\\console.example", UrlError::NotAUrl),
            ("https://<console>", UrlError::NotAUrl),
            ("https://console.example:99999", UrlError::NotAUrl),
            ("ftp://console.example", UrlError::Scheme),
            ("https://user:hunter2@console.example", UrlError::UserInfo),
            ("user:hunter2@console.example", UrlError::UserInfo),
            ("https://hunter2@console.example", UrlError::UserInfo),
            ("https://console.example/?key=hunter2", UrlError::Query),
            ("https://console.example/#top", UrlError::Query),
        ] {
            let result = read(text);
            assert_eq!(result, Err(error), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
