//! How many hosts a console has.

use super::{
    cancel::Cancel,
    console::{Console, Halt, Notice},
    plan::Survey,
};
use crate::vendors::Inventory;

impl Console {
    /// How many hosts the console's inventory has, by one request at most; `None` where the console does not tell.
    ///
    /// # Errors
    ///
    /// [`Halt`] says why there is no answer.
    pub async fn census(
        &mut self,
        survey: &Survey,
        cancel: &Cancel,
        tell: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<Option<u64>, Halt> {
        // Where the inventory is one answer, a plan that has read it has counted it.
        let capabilities = self.vendor.capabilities();
        let lists_all = capabilities.inventory == Inventory::Whole && capabilities.max_find == 0;
        if lists_all && survey.read && !survey.incomplete {
            return Ok(Some(survey.hosts));
        }
        let page = self.page(None, cancel, tell).await?;
        // The only page has all of them.
        Ok(page.total.or_else(|| page.next.is_none().then_some(page.hosts.len() as u64)))
    }
}
