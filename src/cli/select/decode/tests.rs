//! What is read as text, what is refused, and that blocks make no difference.

use proptest::prelude::*;

use super::*;

fn decode(bytes: &[u8], block: usize) -> Result<Vec<u8>, NotText> {
    let mut input = bytes;
    let mut decoder = Decoder::with_block(&mut input, block);
    let mut all = Vec::new();
    loop {
        match decoder.next_block() {
            Ok(Some(text)) => all.extend_from_slice(text),
            Ok(None) => return Ok(all),
            Err(DecodeError::NotText(what)) => return Err(what),
            Err(DecodeError::Io(error)) => panic!("{error}"),
        }
    }
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn what_is_no_text_is_named() {
    for (bytes, what) in [
        (b"web01\0\n".as_slice(), NotText::Binary),
        (b"w\0e\0b\x000\x001\0\n\0", NotText::WideWithoutMark),
        (b"\0w\0e\0b\0\n", NotText::WideWithoutMark),
        (b"PK\x03\x04rest", NotText::Spreadsheet),
        (b"\x1f\x8brest", NotText::Compressed),
        (b"-----BEGIN RSA PRIVATE KEY-----\n", NotText::Pem),
        (b"\x01\x02\x03\x04abc", NotText::Binary),
        (b"\xff\xfe\0\0w\0\0\0", NotText::Binary),
    ] {
        assert_eq!(decode(bytes, BLOCK), Err(what), "{bytes:?}");
    }
}

#[test]
fn a_few_control_characters_do_not_make_a_file_binary() {
    assert!(decode(b"\x1b[01;31mweb01\x1b[m\n", BLOCK).is_ok());
    assert!(decode(b"a\x01\n", BLOCK).is_ok());
}

#[test]
fn what_utf_16_cannot_say_becomes_bytes_that_are_not_utf_8() {
    assert_eq!(decode(b"\xff\xfea\0\x00\xd8b\0", BLOCK), Ok(b"a\xffb".to_vec()));
    assert_eq!(decode(b"\xff\xfea\0\x00\xdcb\0", BLOCK), Ok(b"a\xffb".to_vec()));
    assert_eq!(decode(b"\xff\xfea\0\x00\xd8", BLOCK), Ok(b"a\xff".to_vec()));
    assert_eq!(decode(b"\xff\xfea\0b", BLOCK), Ok(b"a\xff".to_vec()));
}

#[test]
fn a_reader_that_is_interrupted_is_asked_again() {
    struct Moody(u8);
    impl Read for Moody {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => {
                    room[0] = b'x';
                    Ok(1)
                }
                3 => Ok(0),
                _ => Err(io::ErrorKind::Other.into()),
            }
        }
    }
    let mut input = Moody(0);
    let mut decoder = Decoder::new(&mut input);
    assert_eq!(decoder.next_block().unwrap(), Some(b"x".as_slice()));
    assert_eq!(decoder.next_block().unwrap(), None);
}

proptest! {
    #[test]
    fn every_encoding_reads_back_whatever_the_blocks(text in "[\\PC\n]{0,40}", block in 4_usize..70) {
        let mut marked = b"\xef\xbb\xbf".to_vec();
        marked.extend_from_slice(text.as_bytes());
        for bytes in [text.clone().into_bytes(), marked, utf16(&text, u16::to_le_bytes), utf16(&text, u16::to_be_bytes)] {
            let due = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let read = decode(&bytes, block).unwrap();
            let read = String::from_utf8(read).unwrap();
            prop_assert_eq!(read.strip_prefix('\u{feff}').unwrap_or(&read), due);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), block in 4_usize..70) {
        let marked: Vec<u8> = b"\xff\xfe".iter().chain(&bytes).copied().collect();
        for input in [bytes, marked] {
            if let Ok(text) = decode(&input, block) {
                prop_assert!(!text.contains(&0));
            }
        }
    }
}
