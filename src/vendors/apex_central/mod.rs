//! Trend Micro Apex Central, Automation API: agents through `/WebApp/API/AgentResource/ProductAgents`.

mod auth;
mod codes;
mod wire;
