//! Secrets: one type that nothing prints, and the places it is read from.
use std::fmt;
/// A secret.
pub struct Secret(zeroize::Zeroizing<String>);
impl Secret {
    /// New.
    pub fn new(s: String) -> Self { Self(zeroize::Zeroizing::new(s)) }
    /// Expose.
    pub fn expose(&self) -> &str { &self.0 }
}
impl fmt::Debug for Secret { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("[secret]") } }
