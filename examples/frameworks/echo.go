package frameworks

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/jeton-go/jeton/httpauth"
)

// docs:start echo
func echoRoutes(auth *httpauth.Auth) http.Handler {
	read := auth.Require(httpauth.Scope("orders:read"))
	e := echo.New()
	e.GET("/orders", func(c echo.Context) error {
		token, _ := httpauth.FromContext(c.Request().Context())
		return c.String(http.StatusOK, token.Subject())
	}, echo.WrapMiddleware(read.Handler)) // or e.Use
	return e
}

// docs:end
