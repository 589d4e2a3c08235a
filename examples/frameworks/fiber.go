package frameworks

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/jeton-go/jeton/httpauth"
)

// docs:start fiber
func fiberRoutes(auth *httpauth.Auth) *fiber.App {
	read := auth.Require(httpauth.Scope("orders:read"))
	app := fiber.New()
	app.Get("/orders", fiberBearer(read), func(c fiber.Ctx) error { // or app.Use
		token, _ := httpauth.FromContext(c.Context())
		return c.SendString(token.Subject())
	})
	return app
}

// fiberBearer copies what it hands on: fiber reuses the memory of its strings.
func fiberBearer(auth *httpauth.Auth) fiber.Handler {
	return func(c fiber.Ctx) error {
		r := &http.Request{
			Method: strings.Clone(c.Method()),
			URL:    &url.URL{Path: strings.Clone(c.Path()), RawQuery: string(c.Request().URI().QueryString())},
			Header: http.Header{},
		}
		for _, value := range c.Request().Header.PeekAll("Authorization") {
			r.Header.Add("Authorization", string(value))
		}
		token, err := auth.Check(r.WithContext(c.Context()))
		if err != nil {
			return adaptor.HTTPHandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				auth.WriteError(w, err)
			})(c)
		}
		c.SetContext(httpauth.NewContext(c.Context(), token))
		return c.Next()
	}
}

// docs:end
