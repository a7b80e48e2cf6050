"""The papers' tables, made anew: variants of methods, fitted to people whose true surfaces are known."""
