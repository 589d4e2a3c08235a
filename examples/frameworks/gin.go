package frameworks

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/jeton-go/jeton/httpauth"
)

// docs:start gin
func ginRoutes(auth *httpauth.Auth) http.Handler {
	read := auth.Require(httpauth.Scope("orders:read"))
	router := gin.New()
	router.GET("/orders", ginBearer(read), func(c *gin.Context) { // or router.Use
		token, _ := httpauth.FromContext(c.Request.Context())
		c.String(http.StatusOK, token.Subject())
	})
	return router
}

func ginBearer(auth *httpauth.Auth) gin.HandlerFunc {
	return func(c *gin.Context) {
		token, err := auth.Check(c.Request)
		if err != nil {
			auth.WriteError(c.Writer, err)
			c.Abort() // without it, gin goes on to the handler
			return
		}
		c.Request = c.Request.WithContext(httpauth.NewContext(c.Request.Context(), token))
	}
}

// docs:end
