//! sigil-store on native targets.
